// After a scenario: the invariants I1 to I10 from PostgreSQL's history and the sink's, and four numbers.
import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { percentile } from "../../../scripts/bench/percentile.ts";
import type { SinkRequest } from "../../support/http-sink.ts";
import { measureRecovery } from "./measure-recovery.ts";
import type { Stage } from "./stage.ts";

/** From a worker's death to the next claim, on the database's clock. */
const RECOVERY_MS = 15_000;

export type Verdict = {
  lost: string[];
  duplicated: string[];
  stuck: string[];
  /** Invariants that do not hold, with what breaks them. */
  broken: string[];
  /** Milliseconds until what a fault had stopped went on. */
  recoveries: number[];
};

export type Expectation = {
  /** How long executions may take to end, from now. */
  patienceMs?: number;
  /** Executions that wait for a person, rightly. */
  parked?: number;
  recoveryMs?: number;
  /**
   * PostgreSQL has come back without its last seconds: arrivals before this one are of a past it does not know, and the
   * audit log must say that it was cut.
   */
  rewoundAt?: number;
};

/** Waits for the ends, judges, prints, and fails the test unless all is well. */
export async function judge(
  stage: Stage,
  t: { name: string; diagnostic(line: string): void },
  expectation: Expectation = {},
): Promise<Verdict> {
  const stuck = await awaitEnds(stage, expectation);
  const broken: string[] = [];
  const rule = async (name: string, text: string) => {
    const rows = await stage.trace.query<object>(text);
    if (rows.length > 0) broken.push(`${name}: ${rows.length}, first ${JSON.stringify(rows[0])}`);
  };
  const arrived = stage.sink.requests.slice(expectation.rewoundAt);
  const lost = await findLost(stage);
  const duplicated = await findDuplicated(stage, arrived);
  for (const [name, text] of RULES) await rule(name, text);
  broken.push(...(await findUnjournaled(arrived)), ...(await findWrongChain(stage, expectation)));
  const recoveries = await measureRecovery(stage.trace);
  const limit = expectation.recoveryMs ?? RECOVERY_MS;
  const late = recoveries.filter((ms) => ms > limit);
  if (late.length > 0)
    broken.push(`I8: ${late.length} recoveries took longer than ${limit} ms: ${late.join(", ")}`);
  const verdict = { lost, duplicated, stuck, broken, recoveries };
  print(stage, t, verdict);
  assert.deepEqual(
    { lost, duplicated, stuck, broken },
    { lost: [], duplicated: [], stuck: [], broken: [] },
    `seed ${stage.random.seed}`,
  );
  return verdict;
}

/** I1, I10: what was promised ends, or waits for a person where that was expected. Returns what does neither. */
async function awaitEnds(
  { trace }: Stage,
  { patienceMs = 60_000, parked = 0 }: Expectation,
): Promise<string[]> {
  const open = () =>
    trace.query<{ id: string; status: string; doubt: boolean }>(
      `select id, status, status = 'waiting' and exists (
         select from execution_steps s where s.execution_id = e.id and s.status = 'unknown') doubt
       from workflow_executions e where status in ('queued', 'running', 'waiting')`,
    );
  for (const deadline = Date.now() + patienceMs; ; await delay(100)) {
    const rows = await open();
    const working = rows.filter((row) => !row.doubt);
    if (working.length === 0 && rows.length === parked) return [];
    if (Date.now() > deadline) {
      const extra = working.length === 0 ? [`${rows.length} wait for a person instead of ${parked}`] : [];
      return [...working.map((row) => `${row.id} ${row.status}`), ...extra];
    }
  }
}

/** I1: every promise has its row, every row its promise; I2: what succeeded has had its effects. */
async function findLost({ trace, accepted, sink }: Stage): Promise<string[]> {
  const rows = await trace.query<{ id: string }>(
    "select id from workflow_executions where parent_id is null",
  );
  const known = new Set(rows.map((row) => row.id));
  const arrived = new Set(sink.requests.map((received) => received.key));
  const effects = await trace.query<{ key: string }>(
    "select idempotency_key key from execution_steps where node_type = 'http.request' and status = 'succeeded'",
  );
  return [
    ...[...accepted].filter((id) => !known.has(id)).map((id) => `${id} was accepted and is not there`),
    ...[...known].filter((id) => !accepted.has(id)).map((id) => `${id} is there and nobody was told`),
    ...effects
      .filter(({ key }) => !arrived.has(key))
      .map(({ key }) => `effect ${key} succeeded and never arrived`),
  ];
}

/** I2, I4: an effect arrives once per attempt that is written down, and no node is run again after it succeeded. */
async function findDuplicated({ trace }: Stage, arrived: readonly SinkRequest[]): Promise<string[]> {
  const arrivals = Map.groupBy(arrived, (received) => received.key);
  const rows = await trace.query<{ key: string; attempts: number }>(
    `select key, count(distinct (id, node_id, iteration, attempt))::int attempts
     from fault_steps where key is not null and not copied group by key`,
  );
  const attempts = new Map(rows.map((row) => [row.key, row.attempts]));
  const again = await trace.query<{ what: string }>(
    `select format('%s %s[%s] attempt %s', later.id, later.node_id, later.iteration, later.attempt) what
     from fault_steps done join fault_steps later using (id, node_id, iteration)
     where done.status = 'succeeded' and later.n > done.n`,
  );
  return [
    ...[...arrivals]
      .filter(([key, all]) => key !== "" && all.length > (attempts.get(key) ?? 0))
      .map(
        ([key, all]) => `${all[0]?.path} ${key}: ${all.length} arrivals, ${attempts.get(key) ?? 0} attempts`,
      ),
    ...again.map(({ what }) => `${what} after it had succeeded`),
  ];
}

const RULES: readonly [string, string][] = [
  [
    "I3: moved after its end",
    `select a.id, a.status, b.status moved_to from fault_trace a join fault_trace b on b.id = a.id and b.n > a.n
     where a.status in ('succeeded', 'failed', 'cancelled')`,
  ],
  ["I5: a step was written under a stale fence", "select * from fault_steps where stale"],
  [
    "I5: a fence went back",
    `select * from (select id, fence, lag(fence) over (partition by id order by n) before from fault_trace) f
     where fence < before`,
  ],
  [
    "I6: a slot fired twice",
    "select schedule_id, scheduled_for from schedule_fires group by 1, 2 having count(*) > 1",
  ],
  [
    "I7: not exactly one entry in the audit log for a submission",
    `select e.id, count(a.*)::int entries from workflow_executions e left join audit_logs a
       on a.target_id = e.id::text and a.action in ('execution.submitted', 'execution.retried', 'execution.forked')
     group by e.id having count(a.*) <> 1`,
  ],
  [
    "I8: a dead worker owns it",
    `select e.id from workflow_executions e join fault_deaths d on d.owner = e.lease_owner
     where e.status = 'running' and d.at < clock_timestamp() - interval '15 seconds'`,
  ],
  [
    "I9: in another workspace than its workflow or its steps",
    `select e.id from workflow_executions e join workflows w on w.id = e.workflow_id
       left join execution_steps s on s.execution_id = e.id
     where e.workspace_id <> w.workspace_id or s.workspace_id <> e.workspace_id`,
  ],
  [
    "people are asked for what has ended, or a step waits for an answer that was given or for nobody",
    `select s.execution_id, s.node_id, s.status, a.status asked from execution_steps s
       full join approvals a on a.id = (s.state ->> 'approvalId')::uuid
       left join workflow_executions e on e.id = a.execution_id
     where s.state ? 'approvalId' and a.id is null
       or a.status = 'pending' and (s.status is distinct from 'waiting' or e.status in ('succeeded', 'failed', 'cancelled'))`,
  ],
];

/** I2, the other half: no effect went out before the commit of what it follows from and of its own announcement. */
async function findUnjournaled(arrived: readonly SinkRequest[]): Promise<string[]> {
  const seen = new Map<string, number>();
  const early: string[] = [];
  for (const { key, path, witnessed } of arrived) {
    seen.set(key, (seen.get(key) ?? 0) + 1);
    const attempts = (await witnessed) ?? null;
    if (key !== "" && attempts !== null && attempts < (seen.get(key) ?? 0)) early.push(path);
  }
  return early.length === 0 ? [] : [`I2: ${early.length} effects before their commit, first ${early[0]}`];
}

async function findWrongChain({ request, person }: Stage, { rewoundAt }: Expectation): Promise<string[]> {
  const { token, workspaceId } = await person();
  const reply = await request("GET", `/api/audit-logs/verify?workspaceId=${workspaceId}`, { token }).catch(
    (error: Error) => ({ status: 0, text: error.message, body: { ok: false } }),
  );
  const expected = rewoundAt === undefined;
  const fault = expected ? "is not whole" : "does not say that it was cut";
  return reply.body?.ok === expected ? [] : [`I7: the audit chain ${fault}: ${reply.text}`];
}

function print(stage: Stage, t: { name: string; diagnostic(line: string): void }, verdict: Verdict): void {
  const { recoveries } = verdict;
  const at = (percent: number) =>
    recoveries.length === 0 ? null : Math.round(percentile(recoveries, percent));
  const report = {
    scenario: t.name,
    profile: stage.profile,
    seed: stage.random.seed,
    runs: stage.accepted.size,
    lost: verdict.lost.length,
    duplicated: verdict.duplicated.length,
    stuck: verdict.stuck.length,
    broken: verdict.broken.length,
    recoveries: recoveries.length,
    recoveryMs: { p50: at(50), p95: at(95), max: at(100) },
  };
  t.diagnostic(JSON.stringify(report));
  if (!process.env.FAULT_REPORT) return;
  // With every single one, so that the percentiles of all scenarios together can be told.
  const full = { ...report, recoveredMs: recoveries.map(Math.round) };
  appendFileSync(process.env.FAULT_REPORT, `${JSON.stringify(full)}\n`);
}
