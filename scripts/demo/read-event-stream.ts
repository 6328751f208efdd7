// Server-sent events out of a streamed answer.
import { Unreachable } from "./patience.ts";

export type ServerEvent = { id: string; name: string; data: string };

/** Ends when the server ends it; `onChunk` hears of comments too. Throws Unreachable when the connection breaks. */
export async function* readEventStream(
  body: ReadableStream<Uint8Array>,
  onChunk: () => void,
): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let pending = "";
  try {
    for await (const chunk of body) {
      onChunk();
      pending += decoder.decode(chunk, { stream: true });
      const blocks = pending.split("\n\n");
      pending = blocks.pop() ?? "";
      yield* blocks.map(parseBlock).filter((event) => event !== null);
    }
  } catch (cause) {
    throw new Unreachable("the event stream broke", { cause });
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
