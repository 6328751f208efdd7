// What may be changed at the dashboard, as an allow-list: everything else that is not a read is refused.
import { BUSY_QUEUE_NAME, QUEUE_NAME } from "#core/queue/queue-backend.ts";

export type QueueAction = {
  verb: "retry" | "promote" | "pause" | "resume" | "clean";
  targetType: "queue" | "job";
  targetId: string;
  details?: { status: string };
};

type Rule = { path: RegExp; verb: QueueAction["verb"] };

const QUEUE = `/api/queues/(?<queue>${QUEUE_NAME}|${BUSY_QUEUE_NAME})`;
// <execution id>-<wake>: no other job is in this queue, and nothing else can hide in the path.
const JOB = "(?<job>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]{1,10})";

// A job is a ring: whatever happens to it here, the execution's row decides, and lost rings are rung again.
// Adding jobs, changing their data, emptying and obliterating stay out.
const RULES: readonly Rule[] = [
  { path: rule("/api/queues/pause"), verb: "pause" },
  { path: rule("/api/queues/resume"), verb: "resume" },
  { path: rule(`${QUEUE}/pause`), verb: "pause" },
  { path: rule(`${QUEUE}/resume`), verb: "resume" },
  { path: rule(`${QUEUE}/promote`), verb: "promote" },
  { path: rule(`${QUEUE}/retry/(?<status>failed)`), verb: "retry" },
  { path: rule(`${QUEUE}/clean/(?<status>completed|failed)`), verb: "clean" },
  { path: rule(`${QUEUE}/${JOB}/retry`), verb: "retry" },
  { path: rule(`${QUEUE}/${JOB}/promote`), verb: "promote" },
  { path: rule(`${QUEUE}/${JOB}/clean`), verb: "clean" },
];

function rule(path: string): RegExp {
  return new RegExp(`^${path}$`);
}

/** The action of a request below the dashboard's path, or null when there is no such or nobody may. */
export function toAction(method: string, path: string): QueueAction | null {
  if (method !== "PUT") return null;
  for (const { path: pattern, verb } of RULES) {
    const match = pattern.exec(path);
    if (!match) continue;
    const { queue = QUEUE_NAME, job, status } = match.groups ?? {};
    return {
      verb,
      targetType: job === undefined ? "queue" : "job",
      targetId: job ?? queue,
      ...(status !== undefined && { details: { status } }),
    };
  }
  return null;
}
