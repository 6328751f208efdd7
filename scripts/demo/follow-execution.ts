// Follows an execution by its event stream to the end, taking it up again wherever it broke off.
import { setTimeout as sleep } from "node:timers/promises";
import type { ApiClient } from "./api-client.ts";
import { type Patience, Unreachable } from "./patience.ts";
import { readEventStream } from "./read-event-stream.ts";

export type Step = {
  nodeId: string;
  nodeType: string;
  iteration: string;
  attempt: number;
  status: string;
  startedAt: string;
  finishedAt: string | null;
  error: { code: string; message: string } | null;
};

export type Listener = {
  /** Once for each attempt of a node that has ended. */
  onStep(step: Step): void;
  /** At each change of the execution's status. */
  onStatus(status: string): unknown;
  onBreak(): void;
};

/** What must outlive a connection. */
type Position = { lastEventId: string; status: string; printed: Set<string> };

// The server sends a comment every 15 s; silent for so long, the connection is dead without anybody saying so.
const silenceMs = 40_000;
const pauseMs = 500;
// Streams that break one after the other without bringing anything new: two minutes, like all patience here.
const maxFruitless = 240;
const terminal = new Set(["succeeded", "failed", "cancelled"]);

/** Resolves to the terminal status. Throws Unreachable when the server is away for more than two minutes. */
export async function followExecution(
  dependencies: { client: ApiClient; patience: Patience },
  executionId: string,
  listener: Listener,
): Promise<string> {
  const position: Position = { lastEventId: "0", status: "", printed: new Set() };
  for (let fruitless = 0; fruitless < maxFruitless; fruitless++) {
    const before = position.lastEventId;
    await readOnce(dependencies, executionId, position, listener);
    if (terminal.has(position.status)) return position.status;
    listener.onBreak();
    if (position.lastEventId !== before) fruitless = 0;
    await sleep(pauseMs);
  }
  throw new Unreachable("the event stream brings nothing new");
}

/** Returns when the stream has ended or broken. */
async function readOnce(
  { client, patience }: { client: ApiClient; patience: Patience },
  executionId: string,
  position: Position,
  listener: Listener,
): Promise<void> {
  const path = `/api/executions/${executionId}/events`;
  const headers = { "last-event-id": position.lastEventId };
  let silence = new AbortController();
  const response = await patience.until(() => {
    silence = new AbortController();
    return client.open({ method: "GET", path, headers }, silence.signal);
  });
  if (response.body === null) return;
  const timer = setTimeout(() => silence.abort(), silenceMs);
  try {
    for await (const event of readEventStream(response.body, () => timer.refresh())) {
      position.lastEventId = event.id;
      if (event.name === "step") takeStep(JSON.parse(event.data), position, listener);
      if (event.name === "status") takeStatus(JSON.parse(event.data).status, position, listener);
    }
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
  } finally {
    clearTimeout(timer);
  }
}

function takeStep(step: Step, { printed }: Position, listener: Listener): void {
  const key = `${step.nodeId} ${step.iteration} ${step.attempt}`;
  if (step.finishedAt === null || printed.has(key)) return;
  printed.add(key);
  listener.onStep(step);
}

function takeStatus(status: string, position: Position, listener: Listener): void {
  if (status !== position.status) listener.onStatus(status);
  position.status = status;
}
