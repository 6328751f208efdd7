// What an execution holds, as it is handed out: found, authorised, and in the audit log where it has to be.
import { joinLabels, type ReadFacts, type ReadWay } from "../../domain/audited-read.ts";
import { type ExecutionError, type ExecutionStatus, isTerminal } from "../../domain/execution.ts";
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import type { Database } from "../../persistence/database.ts";
import {
  type Execution,
  type ExecutionStep,
  findExecution,
  findExecutionState,
  hasStepsAfter,
  listSteps,
} from "../../persistence/executions/executions.ts";
import type { ReadRecorder } from "../audit/record-reads.ts";
import { principalsOf } from "../principals-of.ts";

export type ReadDependencies = { database: Database; reads: ReadRecorder };

export type StepPage = { items: ExecutionStep[]; more: boolean };

export async function readExecution(
  dependencies: ReadDependencies,
  actor: Actor,
  id: string,
): Promise<Execution> {
  const found = await find(dependencies, actor, id);
  await record(dependencies, actor, id, "execution", found.facts);
  return found.execution;
}

/** The execution when it has ended, else null. */
export async function readEnd(
  dependencies: ReadDependencies,
  actor: Actor,
  id: string,
): Promise<Execution | null> {
  const found = await find(dependencies, actor, id);
  if (!isTerminal(found.execution.status)) return null;
  await record(dependencies, actor, id, "wait", found.facts);
  return found.execution;
}

/** For a live stream; its error may quote data, the status alone is none. */
export async function readState(
  { database, reads }: ReadDependencies,
  actor: Actor,
  id: string,
): Promise<{ status: ExecutionStatus; error: ExecutionError | null }> {
  const state = await database.transaction(principalsOf(actor), (tx) => findExecutionState(tx, id));
  if (!state) throw notFound("execution");
  authorize(actor, "execution:read", state);
  const { status, error } = state;
  if (error !== null) await record({ reads }, actor, id, "events", state);
  return { status, error };
}

/** A page without steps holds nothing of anybody. */
export async function readSteps(
  { database, reads }: ReadDependencies,
  actor: Actor,
  id: string,
  { how, ...page }: { afterSeq: number; limit: number; how: "steps" | "events" },
): Promise<StepPage> {
  const { facts, items, more } = await database.transaction(principalsOf(actor), async (tx) => {
    const facts = await findExecutionState(tx, id);
    if (!facts) throw notFound("execution");
    authorize(actor, "execution:read", facts);
    const items = await listSteps(tx, id, page);
    const last = items.at(-1);
    return { facts, items, more: last !== undefined && (await hasStepsAfter(tx, id, last.seq)) };
  });
  // A node may have labelled what it made.
  const labels = joinLabels(facts.labels, ...items.map((step) => step.labels));
  if (items.length > 0) await record({ reads }, actor, id, how, { ...facts, labels });
  const { payloadExpiredAt } = facts;
  const gone = payloadExpiredAt === null ? {} : { payloadExpiredAt };
  return { items: items.map(({ labels: _labels, ...step }) => ({ ...step, ...gone })), more };
}

/** Not handed out yet: whoever calls it records first. */
async function find(
  { database }: ReadDependencies,
  actor: Actor,
  id: string,
): Promise<{ execution: Execution; facts: ReadFacts }> {
  const found = await database.transaction(principalsOf(actor), (tx) => {
    const asked = findExecution(tx, id);
    tx.endsHere?.();
    return asked;
  });
  if (!found) throw notFound("execution");
  authorize(actor, "execution:read", found);
  const { labels, auditReads, recovering, payloadExpiredAt, ...rest } = found;
  const execution = {
    ...rest,
    ...(recovering && { recovering }),
    ...(payloadExpiredAt !== null && { payloadExpiredAt }),
  };
  return { execution, facts: { workspaceId: execution.workspaceId, labels, auditReads } };
}

function record(
  { reads }: Pick<ReadDependencies, "reads">,
  actor: Actor,
  id: string,
  how: ReadWay,
  facts: ReadFacts,
): Promise<void> {
  return reads.record(actor, { targetType: "execution", targetId: id, how, facts });
}
