// How much of a submission over HTTP the audit chain is.
import { CLIENTS } from "./connect-users.ts";
import { benchGraph, benchInput } from "./graphs.ts";
import { type Measurement, round } from "./measurement.ts";
import type { PlatformUnderLoad, User } from "./platform-under-load.ts";

const DAY_MS = 24 * 3_600_000;

/**
 * `costs`: what measureAuditSubmit found in this run. With all processors busy in both, what a submission takes longer
 * there is what it takes longer here. Run it last: the executions stay queued for tomorrow, so no worker takes part.
 */
export async function measureAuditShare(
  platform: PlatformUnderLoad,
  seconds: number,
  costs: readonly Measurement[],
): Promise<Measurement[]> {
  const owned: [User, string][] = [];
  for (const user of platform.users) owned.push([user, await platform.createWorkflow(user, benchGraph())]);
  const runAt = new Date(Date.now() + DAY_MS).toISOString();
  await submitFor(1, platform, owned, runAt);
  const rate = await submitFor(seconds, platform, owned, runAt);
  return costs.flatMap(({ name, microseconds }) =>
    typeof microseconds === "number"
      ? [
          {
            name: `${name}, over HTTP`,
            unit: "ratio" as const,
            value: round((microseconds * rate) / 1e6),
            submissions: round(rate),
            microseconds,
          },
        ]
      : [],
  );
}

/** Submissions a second. */
async function submitFor(
  seconds: number,
  platform: PlatformUnderLoad,
  owned: readonly [User, string][],
  runAt: string,
): Promise<number> {
  let count = 0;
  const startedAt = performance.now();
  const client = async (index: number) => {
    const [user, workflowId] = owned[index % owned.length] as [User, string];
    while (performance.now() - startedAt < seconds * 1_000) {
      const body = JSON.stringify({ input: benchInput(count), runAt });
      await platform.call(user, "POST", `/api/workflows/${workflowId}/executions`, { body });
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
  return (count / (performance.now() - startedAt)) * 1_000;
}
