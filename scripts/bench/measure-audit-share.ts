// How much of a submission over HTTP the audit entry and its chain are: three apis on one database, in turns.
import { type Counts, compareCounts, VARIANTS } from "./append-variants.ts";
import { CLIENTS, connectUsers } from "./connect-users.ts";
import { benchGraph, benchInput } from "./graphs.ts";
import { type Measurement, round } from "./measurement.ts";
import type { PlatformUnderLoad, User } from "./platform-under-load.ts";
import { makeEnvironment, startProcess, urlOf } from "./start-roles.ts";
import type { Servers } from "./start-servers.ts";

const DAY_MS = 24 * 3_600_000;
const TURNS = 5;

/** `seconds` for each of the three. No worker takes part: what is submitted is for tomorrow. */
export async function measureAuditShare(servers: Servers, seconds: number): Promise<Measurement[]> {
  await using cleanup = new AsyncDisposableStack();
  const runAt = new Date(Date.now() + DAY_MS).toISOString();
  const submitTo = new Map<keyof Counts, (ms: number) => Promise<number>>();
  for (const variant of VARIANTS) {
    const env = await makeEnvironment(servers);
    const program = ["scripts/bench/submit-api.ts", variant];
    const api = await startProcess({ name: `api-${variant}`, program, env }, servers, cleanup);
    const platform = await connectUsers({ url: urlOf(env), pids: { api: api.pid ?? 0 } }, servers, cleanup);
    const owned: [User, string][] = [];
    for (const user of platform.users) owned.push([user, await platform.createWorkflow(user, benchGraph())]);
    submitTo.set(variant, (ms) => submitFor(ms, platform, owned, runAt));
  }
  const counts: Counts = { none: 0, plain: 0, chained: 0 };
  for (const submit of submitTo.values()) await submit(1_000);
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [variant, submit] of submitTo) counts[variant] += await submit((seconds * 1_000) / TURNS);
  }
  const { entry, chain } = compareCounts(counts);
  const rates = Object.fromEntries(VARIANTS.map((name) => [name, round(counts[name] / seconds)]));
  return [
    { name: "audit chain's share of a submission over HTTP", unit: "ratio", value: round(chain), rates },
    { name: "audit entry's share of a submission over HTTP", unit: "ratio", value: round(entry), rates },
  ];
}

/** Submissions in so many milliseconds. */
async function submitFor(
  ms: number,
  platform: PlatformUnderLoad,
  owned: readonly [User, string][],
  runAt: string,
): Promise<number> {
  let count = 0;
  const startedAt = performance.now();
  const client = async (index: number) => {
    const [user, workflowId] = owned[index % owned.length] as [User, string];
    while (performance.now() - startedAt < ms) {
      const body = JSON.stringify({ input: benchInput(count), runAt });
      await platform.call(user, "POST", `/api/workflows/${workflowId}/executions`, { body });
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
  // What was under way at the end took its time too.
  return (count * ms) / (performance.now() - startedAt);
}
