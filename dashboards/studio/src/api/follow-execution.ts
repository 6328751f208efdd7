// An execution followed live: events as they come, taken up again where they broke off, until it has ended.
import { authorized, type Reply } from "./client.ts";
import { readEvents } from "./event-stream.ts";
import { problemOf } from "./problem.ts";
import { send } from "./send.ts";

export type Execution = Reply<"GET /api/executions/{id}">;
export type ExecutionStatus = Execution["status"];
export type Step = Reply<"GET /api/executions/{id}/steps">["items"][number];
export type Happening =
  | { type: "step"; step: Step }
  | { type: "status"; status: ExecutionStatus; error: Execution["error"] };

const PAUSES_MS = [250, 1_000, 3_000, 10_000];
const ENDED: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled"]);

export function hasEnded(status: ExecutionStatus): boolean {
  return ENDED.has(status);
}

/** Resolves when the execution has ended or `signal` says stop. Throws ApiError when it may not be watched. */
export async function followExecution(
  id: string,
  signal: AbortSignal,
  onHappening: (happening: Happening) => void,
): Promise<void> {
  let lastId = "0";
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      for await (const { id: eventId, name, data } of readEvents(await openStream(id, lastId, signal))) {
        lastId = eventId;
        failures = 0;
        const happening = read(name, data);
        if (happening) onHappening(happening);
        if (happening?.type === "status" && hasEnded(happening.status)) return;
      }
    } catch (error) {
      const { status } = problemOf(error);
      if (!signal.aborted && status >= 400 && status < 500) throw error;
    }
    await pause(PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)] ?? 0, signal);
  }
}

function openStream(id: string, lastId: string, signal: AbortSignal): Promise<Response> {
  const path = `/api/executions/${encodeURIComponent(id)}/events`;
  const headers = { "last-event-id": lastId };
  return authorized((token) => send({ method: "GET", path, token, headers, signal }));
}

function read(name: string, data: string): Happening | null {
  if (name === "step") return { type: "step", step: JSON.parse(data) as Step };
  if (name === "status")
    return { type: "status", ...(JSON.parse(data) as Pick<Execution, "status" | "error">) };
  return null;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
