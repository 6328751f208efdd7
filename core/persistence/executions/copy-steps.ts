// What a retry or fork takes over from the journal of the execution it comes from.
import { EFFECT_IN_DOUBT } from "../../domain/effect-doubt.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { isDecided } from "./is-decided.ts";
import { hasSentOnce, isOpenEffect } from "./sent-effects.ts";

/**
 * Node ids; null: all nodes. `finished`: what succeeded is copied. `handled`: so are the attempts of what failed and
 * went on by its `onError`, as they were, so that the engine comes to the same end. `inDoubt`: what is neither of
 * these, but has sent an effect without a definitive answer, goes out again under its old key.
 */
export type CopiedNodes = {
  finished: readonly string[] | null;
  handled: readonly string[];
  inDoubt: readonly string[] | null;
};

/**
 * An effect is in doubt when its newest attempt ran, was parked, was broken off, or failed without a definitive answer. An
 * idempotent one is copied as running: the engine sends it again under its old key, by which the other side recognises
 * it. One that must not be repeated is copied as parked, under its old key too: whoever retries or forks is asked. A
 * sub-workflow starts from nothing, so it is asked for when anything in it that must not be repeated may have gone out.
 * What was decided on while other branches ran counts, though the run has ended before it could act; so what is to be sent
 * again is.
 */
export async function copySteps(
  tx: Executor,
  { id, of, nodes }: { id: string; of: string; nodes: CopiedNodes },
): Promise<void> {
  await tx.run(sql`
    with said as (
      select s.* from execution_steps s where s.execution_id = ${of} and not ${isDecided}
      union all
      select d.* from execution_steps s, jsonb_populate_record(s, s.state -> 'decision') d
      where s.execution_id = ${of} and ${isDecided}
    ),
    attempts as (
      select s.*, row_number() over newest_first age, first_value(s.status) over newest_first outcome,
        first_value(s.error) over newest_first last_error,
        ${nodes.finished}::text[] is null or s.node_id = any(${nodes.finished}::text[]) is_finished,
        s.node_id = any(${nodes.handled}::text[]) is_handled,
        ${nodes.inDoubt}::text[] is null or s.node_id = any(${nodes.inDoubt}::text[]) may_doubt
      from said s
      window newest_first as (partition by s.node_id, s.iteration order by s.attempt desc)
    ),
    judged as (
      select a.*, ${isOpenEffect(sql`a.effect`, sql`a.outcome`, sql`a.last_error`)} is_open,
        coalesce(bool_or(a.outcome <> 'succeeded' and a.state ? 'childId'
          and ${hasSentOnce(sql`(a.state ->> 'childId')::uuid`)}) over (partition by a.node_id, a.iteration), false) is_child
      from attempts a
    ),
    chosen as (
      select j.*, case
        when outcome = 'succeeded' and is_finished and age = 1 then 'as it was'
        when outcome = 'failed' and is_handled then 'as it was'
        when outcome <> 'succeeded' and may_doubt and age = 1 and idempotency_key is not null and (is_open or is_child)
          then case when is_child or effect = 'effectful' and last_error ->> 'code' is distinct from 'retried'
            then 'ask' else 'again' end
        end how
      from judged j
    )
    insert into execution_steps (execution_id, node_id, iteration, attempt, workspace_id, node_type, status, seq,
      fence, effect, idempotency_key, port, input, input_key_id, output, output_key_id, error, labels, copied_from,
      started_at, finished_at)
    select ${id}, c.node_id, c.iteration, case when c.outcome = 'failed' and c.how = 'as it was' then c.attempt else 1 end,
      c.workspace_id, c.node_type, case c.how when 'again' then 'running' when 'ask' then 'unknown' else c.status end,
      row_number() over (order by c.seq), 0, case c.how when 'ask' then 'effectful' when 'again' then 'idempotent' else c.effect end,
      c.idempotency_key, c.port, c.input, c.input_key_id, c.output, c.output_key_id,
      case c.how
        when 'again' then jsonb_build_object('code', 'retried', 'retryable', true, 'nodeId', c.node_id,
          'message', 'Tried again on request, after: ' || coalesce(c.error ->> 'message', c.status))
        when 'ask' then jsonb_build_object('code', ${EFFECT_IN_DOUBT}::text, 'inDoubt', true, 'nodeId', c.node_id,
          'message', 'It is not known whether the effect happened: ' || coalesce(c.error ->> 'message', c.status))
        else c.error end,
      c.labels, coalesce(c.copied_from, c.execution_id), c.started_at,
      case when c.how in ('again', 'ask') then null else c.finished_at end
    from chosen c where c.how is not null`);
}
