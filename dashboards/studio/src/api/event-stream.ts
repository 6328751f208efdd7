// Server-sent events over fetch, because EventSource cannot send the Bearer header.

export type ServerEvent = { id: string; name: string; data: string };

/** Ends when the server ends it; throws when the connection breaks. */
export async function* readEvents(response: Response): AsyncGenerator<ServerEvent> {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const blocks = (pending + part.value).split("\n\n");
      pending = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = parseBlock(block);
        if (event) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Null for a comment that only keeps the connection open. */
function parseBlock(block: string): ServerEvent | null {
  const event: ServerEvent = { id: "", name: "", data: "" };
  for (const line of block.split("\n")) {
    const [, field, value = ""] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
    if (field === "id") event.id = value;
    if (field === "event") event.name = value;
    if (field === "data") event.data += value;
  }
  return event.name === "" ? null : event;
}
