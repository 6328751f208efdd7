// The old Studio's many words for an outcome, as the three that a finished execution can have.

export type Outcome = "succeeded" | "failed" | "cancelled";

const OUTCOMES: Readonly<Record<Outcome | "unfinished", readonly string[]>> = {
  succeeded: ["succeeded", "success", "successful", "completed", "complete", "done", "finished", "ok"],
  failed: ["failed", "failure", "error", "errored", "crashed", "timeout", "timedout"],
  cancelled: ["cancelled", "canceled", "aborted", "stopped", "terminated", "killed"],
  unfinished: [
    "running",
    "pending",
    "queued",
    "waiting",
    "paused",
    "started",
    "new",
    "created",
    "inprogress",
    "active",
  ],
};

const BY_WORD = new Map(
  Object.entries(OUTCOMES).flatMap(([outcome, words]) =>
    words.map((word) => [word, outcome as Outcome | "unfinished"]),
  ),
);

/** `unfinished`: nobody will ever finish it. Null for a word nobody knows. */
export function mapStatus(status: unknown): Outcome | "unfinished" | null {
  if (typeof status !== "string") return null;
  return BY_WORD.get(status.toLowerCase().replace(/[^a-z]/g, "")) ?? null;
}
