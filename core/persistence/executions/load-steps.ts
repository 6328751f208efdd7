// The journal of an execution that is resumed, in statements whose answers are bounded whatever it holds.
import type { ChildEnd, StepRecord } from "../../domain/journal.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { hasSentOnce } from "./sent-effects.ts";

/** A journal of so many rows and so much is read whole: nearly every one. Stored bytes are compressed ones. */
const SMALL = { rows: 200, storedBytes: 65_536, bytes: 262_144, children: 4 };
/** A page of steps without outputs: PostgreSQL compresses to a 250th at best, so it is 8 MB of JSON at the very most. */
const PAGE = { rows: 1_000, storedBytes: 32_768 };
/** A page of outputs ends with the one that reaches so much; so many are asked for at once. */
const OUTPUTS = { rows: 100, bytes: 1_048_576 };

const IDENTITY = sql`node_id "nodeId", node_type "nodeType", iteration, attempt, status, seq, effect,
  idempotency_key "idempotencyKey", port, error, started_at "startedAt", finished_at "finishedAt", wake_at "wakeAt"`;

/** What names a step. */
export type StepKey = Pick<StepRecord, "nodeId" | "iteration" | "attempt">;

/**
 * All attempts of all nodes, oldest first, with all that they hold; steps that wait for a child that has ended hold its
 * end as answer. null: that would be much, or there is nothing.
 */
export async function loadSmallJournal(
  database: Executor,
  executionId: string,
): Promise<StepRecord[] | null> {
  const steps = await database.many<StepRecord>(sql`
    with head as materialized (
      select *, sum(coalesce(pg_column_size(input), 0) + coalesce(pg_column_size(output), 0)
        + coalesce(pg_column_size(error), 0) + coalesce(pg_column_size(state), 0)) over () <= ${SMALL.storedBytes}
        and count(*) over () <= ${SMALL.rows} looks_small
      from (select * from execution_steps where execution_id = ${executionId} limit ${SMALL.rows + 1}) first_rows
    ),
    weight as materialized (
      select sum(coalesce(octet_length(input::text), 0) + coalesce(octet_length(output::text), 0)
        + coalesce(octet_length(error::text), 0) + coalesce(octet_length(state::text), 0)) bytes
      from head where looks_small
    )
    select ${IDENTITY}, input, output, state from head
    where looks_small and (select bytes from weight) <= ${SMALL.bytes} order by seq`);
  if (steps.length === 0 || steps.filter(waitsForChild).length > SMALL.children) return null;
  return answerSteps(database, steps);
}

/** The end of a big journal, and which of these nodes outside of all loops have succeeded. */
export async function loadJournalEnd(
  database: Executor,
  executionId: string,
  nodeIds: readonly string[],
): Promise<{ lastSeq: number; succeeded: string[] }> {
  const row = await database.one<{ lastSeq: number; succeeded: string[] }>(sql`
    select (select coalesce(max(seq), 0) from execution_steps where execution_id = ${executionId}) "lastSeq",
      array(select node_id from execution_steps where execution_id = ${executionId}
        and node_id = any(${nodeIds}::text[]) and iteration = '' and status = 'succeeded') succeeded`);
  return row ?? { lastSeq: 0, succeeded: [] };
}

/**
 * A page of steps after `after`, by node, iteration and attempt, without those of the nodes `without`. What an ended step
 * was given and has put out is left in the journal: `input` and `output` are null. An empty page is the end.
 */
export function loadStepPage(
  database: Executor,
  executionId: string,
  { after, without }: { after: StepKey | null; without: readonly string[] },
): Promise<StepRecord[]> {
  const { nodeId, iteration, attempt } = after ?? { nodeId: "", iteration: "", attempt: 0 };
  return database.many<StepRecord>(sql`
    with head as materialized (
      select ${IDENTITY}, case when status in ('running', 'waiting') then input end input, null::jsonb output,
        case when status in ('running', 'waiting', 'unknown') then state end state,
        row_number() over in_order n
      from execution_steps
      where execution_id = ${executionId} and (node_id, iteration, attempt) > (${nodeId}, ${iteration}, ${attempt}::int)
        and node_id <> all(${without}::text[])
      window in_order as (order by node_id, iteration, attempt)
      order by node_id, iteration, attempt limit ${PAGE.rows}
    ),
    measured as (
      select n, coalesce(sum(coalesce(pg_column_size(input), 0) + coalesce(pg_column_size(error), 0)
        + coalesce(pg_column_size(state), 0)) over (order by n rows between unbounded preceding and 1 preceding), 0) before
      from head
    )
    select "nodeId", "nodeType", head.iteration, head.attempt, head.status, head.seq, head.effect, "idempotencyKey",
      head.port, head.error, "startedAt", "finishedAt", "wakeAt", head.input, head.output, head.state
    from head join measured using (n) where before < ${PAGE.storedBytes} order by n`);
}

/**
 * The outputs of the first of `keys`, in their order, as many as fit a page and at least one; the rest is asked for
 * again. Empty when the first of them is gone.
 */
export async function loadOutputs(
  database: Executor,
  executionId: string,
  keys: readonly StepKey[],
): Promise<unknown[]> {
  const wanted = keys.slice(0, OUTPUTS.rows);
  const rows = await database.many<{ output: unknown }>(sql`
    with recursive wanted as materialized (
      select * from unnest(${wanted.map((key) => key.nodeId)}::text[], ${wanted.map((key) => key.iteration)}::text[],
        ${wanted.map((key) => key.attempt)}::int[]) with ordinality as w(node_id, iteration, attempt, n)
    ),
    page (n, bytes, output) as (
      select 0::bigint, 0::bigint, null::jsonb
      union all
      select w.n, p.bytes + coalesce(octet_length(s.output::text), 0), s.output
      from page p join wanted w on w.n = p.n + 1
      join execution_steps s on s.execution_id = ${executionId} and s.node_id = w.node_id
        and s.iteration = w.iteration and s.attempt = w.attempt
      where p.bytes < ${OUTPUTS.bytes}
    )
    select output from page where n > 0 order by n`);
  return rows.map(({ output }) => output);
}

export function waitsForChild({ status, state }: StepRecord): boolean {
  return status === "waiting" && state?.childId !== undefined;
}

/** The steps, with the ends of the children they wait for. */
export async function answerSteps(database: Executor, steps: readonly StepRecord[]): Promise<StepRecord[]> {
  const awaited = steps.flatMap(({ status, state }) =>
    status === "waiting" && state?.childId ? [state.childId] : [],
  );
  if (awaited.length === 0) return [...steps];
  const ends = await database.many<ChildEnd & { id: string }>(sql`
    select id, status, output, error,
      status <> 'succeeded' and ${hasSentOnce(sql`e.id`)} "hasSentOnce"
    from workflow_executions e
    where id = any(${awaited}::uuid[]) and status in ('succeeded', 'failed', 'cancelled')`);
  const answers = new Map(ends.map(({ id, ...end }) => [id, end]));
  return steps.map((step) => {
    const answer = step.status === "waiting" && answers.get(step.state?.childId ?? "");
    return answer ? { ...step, state: { ...step.state, answer } } : step;
  });
}
