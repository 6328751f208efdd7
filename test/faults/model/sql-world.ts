// The same commands, done by the statements the platform uses, against one real row each.
import { v7 as uuidv7 } from "uuid";
import { LEASE_MS, MAX_CRASHES } from "../../../core/domain/execution.ts";
import type { JournalWrite } from "../../../core/domain/journal.ts";
import { claimExecutions } from "../../../core/persistence/executions/claim-executions.ts";
import { cancelExecution } from "../../../core/persistence/executions/executions.ts";
import { reapExecutions, renewLeases } from "../../../core/persistence/executions/leases.ts";
import { insertRetry } from "../../../core/persistence/executions/retry-execution.ts";
import { markRung } from "../../../core/persistence/executions/rings.ts";
import { writeJournal } from "../../../core/persistence/executions/write-journal.ts";
import { createExecutionBed, stepOf } from "../../support/executions.ts";
import type { ExecutionRow, Owner } from "./state-machine.ts";
import { type Attempt, type Command, nextThing, type Run, runOf, type World } from "./world.ts";

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
      finishedAt: status === "running" ? null : "2026-03-01T12:00:00.456Z",
    });

  const proceed = (id: string, world: World, run: Run, to: string) => {
    const { attempts } = world;
    const thing = nextThing(world, run);
    if (thing === "send") return async () => {};
    if (thing === "end") {
      const error = to === "failed" ? { code: "model", message: "failed" } : null;
      return () => write(id, run, { move: { to, error } as NonNullable<JournalWrite["move"]> });
    }
    if (thing === "note") {
      // Its own attempt, which a later claim may have closed meanwhile.
      const own = attempts.findLast(({ fence }) => fence === run.fence);
      return () => write(id, run, { steps: [step(own?.number ?? 1, "succeeded", 100 + attempts.length)] });
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
              return () =>
                claimExecutions(worker, {
                  ids: [id, id],
                  owner: owners[command.by],
                  leaseMs: LEASE_MS * 1_000,
                  crashesBelow: MAX_CRASHES,
                });
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
              return () => markRung(scheduler, [{ id, wake, priority: 0 }], { newWake: true });
            case "retry":
              return () =>
                api.transaction(asPerson, (tx) =>
                  insertRetry(tx, { id: uuidv7(), of: id, userId: person.userId, handled: [] }),
                );
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
              }))
              .toSorted((a, b) => a.number - b.number),
            retries: retries.rows[0].n,
          };
        },
      };
    },
  };
}
