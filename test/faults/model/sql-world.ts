// The same commands, done by the statements the platform uses, against one real row each.
import { v7 as uuidv7 } from "uuid";
import { isTerminal, LEASE_MS, MAX_CRASHES } from "../../../core/domain/execution.ts";
import type { ExecutionMove, JournalWrite, StepRecord } from "../../../core/domain/journal.ts";
import type { Executor } from "../../../core/persistence/database.ts";
import { claimExecutions } from "../../../core/persistence/executions/claim-executions.ts";
import { decideStep, lockExecution } from "../../../core/persistence/executions/decide-step.ts";
import { endDecided } from "../../../core/persistence/executions/end-decided.ts";
import { cancelExecution } from "../../../core/persistence/executions/executions.ts";
import { reapExecutions, renewLeases } from "../../../core/persistence/executions/leases.ts";
import { insertRetry } from "../../../core/persistence/executions/retry-execution.ts";
import { markRung } from "../../../core/persistence/executions/rings.ts";
import { answerStep, wakeDue } from "../../../core/persistence/executions/wake-executions.ts";
import { writeJournal } from "../../../core/persistence/executions/write-journal.ts";
import { createExecutionBed, stepOf } from "../../support/executions.ts";
import type { Command } from "./commands.ts";
import type { End, ExecutionRow, Owner } from "./state-machine.ts";
import { type Attempt, attemptOf, endOf, nextThing, noted, type Run, runOf, type World } from "./world.ts";

export type SqlRow = {
  /** What the command means now, before the model moves; then do it. */
  prepare(world: World, command: Command): () => Promise<unknown>;
  look(): Promise<{ row: ExecutionRow; attempts: Attempt[]; retries: number }>;
};

export async function createSqlWorld(t: { after(callback: () => Promise<void>): void }) {
  const bed = await createExecutionBed();
  t.after(() => bed.close());
  const person = await bed.addPerson();
  const workflow = await bed.addWorkflow(person);
  const [worker, scheduler, api] = [
    bed.open("atelier_worker"),
    bed.open("atelier_scheduler"),
    bed.open("atelier_api"),
  ];
  const asPerson = { userId: person.userId, workspaceIds: [person.workspaceId] };
  const owners: Readonly<Record<Owner, string>> = { A: uuidv7(), B: uuidv7() };
  for (const id of Object.values(owners))
    await bed.admin.query("insert into workers (id, host, pid, concurrency) values ($1, 'model', 1, 1)", [
      id,
    ]);

  const beat = (beating: boolean) =>
    bed.admin.query("update workers set heartbeat_at = clock_timestamp() - make_interval(secs => $1)", [
      beating ? 0 : 3_600,
    ]);
  const write = (id: string, run: Run, change: Partial<JournalWrite>) =>
    writeJournal(worker, [{ executionId: id, fence: run.fence, steps: [], ...change }]);
  const step = (number: number, status: Attempt["status"], seq: number) =>
    stepOf("effect", {
      attempt: number,
      status,
      seq,
      effect: "idempotent",
      idempotencyKey: "key",
      finishedAt: status === "running" || status === "waiting" ? null : "2026-03-01T12:00:00.456Z",
      ...(status === "waiting" && { state: { waitsFor: { name: "somebody" } } }),
    });

  const proceed = (id: string, world: World, run: Run, to: End) => {
    const { attempts } = world;
    const thing = nextThing(world, run);
    if (thing === "send") return async () => {};
    if (thing === "end") {
      const move = moveTo(endOf(run, to), run.wake);
      return () => write(id, run, { move });
    }
    if (thing === "note") {
      const { number } = attemptOf(world, run) ?? { number: 1 };
      const status = run.resumes ? "succeeded" : noted(to);
      return () => write(id, run, { steps: [step(number, status, 100 + attempts.length)] });
    }
    const open = attempts.filter(({ status }) => status === "running");
    const steps = [
      ...open.map(({ number }) => step(number, "failed", number * 2)),
      step(attempts.length + 1, "running", attempts.length * 2 + 1),
    ];
    return () => write(id, run, { steps });
  };

  return {
    async open(): Promise<SqlRow> {
      const columns = { workspace_id: person.workspaceId, workflow_id: workflow, user_id: person.userId };
      const id = await bed.addExecution(columns);
      return {
        prepare(world, command) {
          const { wake } = world.row;
          const run = "run" in command ? runOf(world, command.run) : undefined;
          switch (command.do) {
            case "ring":
              return async () => {
                const claim = { ids: [id, id], owner: owners[command.by], leaseMs: LEASE_MS * 1_000 };
                const claimed = await claimExecutions(worker, { ...claim, crashesBelow: MAX_CRASHES });
                for (const one of claimed) await endDecided(worker, one);
              };
            case "proceed":
              return run ? proceed(id, world, run, command.to) : async () => {};
            case "kill":
              return async () => {};
            case "renew":
              return () =>
                renewLeases(worker, { owner: owners[command.by], ids: [id], leaseMs: LEASE_MS * 1_000 });
            case "reap":
              return async () => {
                await beat(command.beating);
                await reapExecutions(scheduler, { maxCrashes: MAX_CRASHES, limit: 100, silentMs: LEASE_MS });
              };
            case "expire":
              return () =>
                bed.admin.query(
                  "update workflow_executions set lease_until = clock_timestamp() - interval '1 second' where id = $1 and status = 'running'",
                  [id],
                );
            case "cancel":
              return () => api.transaction(asPerson, (tx) => cancelExecution(tx, id, person.userId));
            case "reconcile":
              return () => markRung(scheduler, [{ id, wake, priority: 0, band: 0 }], { newWake: true });
            case "retry":
              return () =>
                api.transaction(asPerson, (tx) =>
                  insertRetry(tx, {
                    id: uuidv7(),
                    of: id,
                    userId: person.userId,
                    nodes: { finished: null, handled: [] },
                  }),
                );
            case "wake":
              return async () => {
                await bed.admin.query(
                  "update workflow_executions set available_at = clock_timestamp() where id = $1 and status = 'waiting'",
                  [id],
                );
                await wakeDue(scheduler, 100);
              };
            case "answer": {
              const { number = 1 } = world.attempts.at(-1) ?? {};
              const waiting = { executionId: id, nodeId: "effect", iteration: "", attempt: number };
              return () => api.transaction(asPerson, (tx) => answerStep(tx, waiting, { said: "yes" }));
            }
            case "decide":
              return () => api.transaction(asPerson, (tx) => decide(tx, id, command.skip));
          }
        },
        async look() {
          const row = await bed.execution(id);
          const steps = await bed.steps(id);
          const owner = (["A", "B"] as const).find((name) => owners[name] === row.lease_owner) ?? null;
          const retries = await bed.admin.query(
            "select count(*)::int n from workflow_executions where retry_of = $1",
            [id],
          );
          return {
            row: {
              status: row.status as ExecutionRow["status"],
              fence: Number(row.fence),
              owner,
              expired: row.lease_until !== null && (row.lease_until as Date) < new Date(),
              crashes: Number(row.crash_count),
              cancelRequested: row.cancel_requested_at !== null,
              wake: Number(row.wake),
            },
            attempts: steps
              .map((each) => ({
                number: Number(each.attempt),
                // Closing an attempt takes it under the fence of whoever closes it.
                fence: Number(each.fence),
                status: each.status as Attempt["status"],
                isAnswered: (each.state as StepRecord["state"])?.answer !== undefined,
                decided: (each.state as StepRecord["state"])?.decision?.status ?? null,
              }))
              .toSorted((a, b) => a.number - b.number),
            retries: retries.rows[0].n,
          };
        },
      };
    },
  };
}

function moveTo(to: End, wake: number): ExecutionMove {
  if (to === "waiting") return { to, availableAt: null, wake };
  return { to, error: to === "failed" ? { code: "model", message: "failed" } : null };
}

/** As the service does. */
async function decide(tx: Executor, id: string, skip: boolean): Promise<void> {
  const execution = await lockExecution(tx, id);
  if (!execution || isTerminal(execution.status)) return;
  const node = { nodeId: "effect", iteration: "" };
  await decideStep(
    tx,
    id,
    skip ? { ...node, decision: "skip", output: null } : { ...node, decision: "retry" },
  );
}
