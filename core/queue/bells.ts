// The jobs of the doorbell: one for each execution that is rung alone, one for up to 16 that were accepted together.

export type Ring = {
  executionId: string;
  /** Counts the wake-ups of the execution, so an old job never swallows a new ring. */
  wake: number;
  /** 0–10, higher first. */
  priority: number;
  /** That of the row. Those of a lower band are heard first, whatever their priority; from BUSY on in a queue of their own. */
  band: number;
  /** The job it shares with others, at its first ring only. */
  bell?: string | null | undefined;
};

/** Of a row that is queued, to be rung alone. */
export function toRing({
  id,
  wake,
  priority,
  band,
}: Omit<Ring, "executionId" | "bell"> & { id: string }): Ring {
  return { executionId: id, wake, priority, band };
}

/** All that a job carries: PostgreSQL is the truth, the job only says where to look. */
export type Bell = { executionId: string } | { executionIds: string[] };

/** What must not be parted when the jobs of a commit are made. */
export type RingKey = Pick<Ring, "executionId" | "wake" | "bell" | "band">;

/** Larger ones bought nothing in the bench, and a worker that is busy keeps up to so many waiting. */
export const BELL_SIZE = 16;

/** Rings of one bell become one job, in the order of their first one. They must have one band and priority. */
export function toJobs(rings: readonly Ring[]) {
  return [...Map.groupBy(rings, jobId)].map(([id, group]) => {
    const [first] = group as [Ring, ...Ring[]];
    return {
      name: "execution",
      data: isShared(first)
        ? { executionIds: group.map((ring) => ring.executionId) }
        : { executionId: first.executionId },
      opts: { jobId: id, priority: toBullPriority(first) },
    };
  });
}

export function jobId(ring: RingKey): string {
  return isShared(ring) ? `${ring.bell}` : `${ring.executionId}-${ring.wake}`;
}

function isShared({ wake, bell }: RingKey): boolean {
  return wake === 0 && typeof bell === "string";
}

/** None for what is no bell of ours: anybody with the queue's password may put anything there. */
export function idsOf(bell: Bell | null): string[] {
  if (typeof bell !== "object" || bell === null) return [];
  const ids: unknown = "executionIds" in bell ? bell.executionIds : [bell.executionId];
  return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
}

const PRIORITIES = 11;

/** BullMQ takes 1 first and jobs without a priority before all others, so everybody gets one. */
function toBullPriority({ priority, band }: Ring): number {
  return PRIORITIES * band + PRIORITIES - priority;
}

/** The band of a job, from its priority. */
export function bandOf(bullPriority: number): number {
  return Math.max(0, Math.floor((bullPriority - 1) / PRIORITIES));
}
