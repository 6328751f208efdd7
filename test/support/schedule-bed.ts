// Schedules for tests, written past every policy, schedulers' firing over them, and what became of their slots.
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import type { Database } from "../../core/persistence/database.ts";
import { createExecutionQueue } from "../../core/queue/execution-queue.ts";
import { createBacklogGuard } from "../../core/services/executions/guard-backlogs.ts";
import { createFiring, type Firing } from "../../core/services/schedules/fire-due.ts";
import type { FiredSlots } from "../../core/services/schedules/fire-slots.ts";
import { createExecutionBed, type ExecutionBed, type Row } from "./executions.ts";

export type Fired = { slots: FiredSlots; now: number | null };

export type Firer = Firing & {
  /** All three looks, one after the other. */
  look(signal?: AbortSignal): Promise<number>;
  fired: Fired[];
  stuck: { error: unknown; scheduleId: string }[];
  /** What its transactions failed with. */
  failed: unknown[];
  /** What rests has rested so much longer. */
  passTime(ms: number): void;
  /** Looks again and again until it is so. */
  until(condition: () => Promise<boolean>): Promise<void>;
};

export type ScheduleBed = ExecutionBed & {
  /** Due since five seconds, and then at the next new year, unless `columns` say otherwise. */
  addSchedule(
    person: { userId: string; workspaceId: string },
    workflowId: string,
    columns?: Row,
  ): Promise<string>;
  schedule(id: string): Promise<Row>;
  /** In the order of their slots. */
  fires(id: string): Promise<Row[]>;
  skips(id: string): Promise<Row[]>;
  /** As one scheduler of several. */
  openFirer(maxQueued?: number): Firer;
};

const QUIET = new AbortController().signal;

export async function createScheduleBed(): Promise<ScheduleBed> {
  const bed = await createExecutionBed();
  const queues: { close(): Promise<void> }[] = [];
  const rows = async (text: string, id: string) => (await bed.admin.query(text, [id])).rows as Row[];
  return {
    ...bed,
    async addSchedule(person, workflowId, columns = {}) {
      const id = uuidv7();
      const row: Row = {
        ...{ id, workspace_id: person.workspaceId, workflow_id: workflowId, owner_id: person.userId },
        ...{ cron: columns.run_at ? null : "0 0 1 1 *", next_run_at: ago(5_000), input: { n: 1 } },
        ...columns,
      };
      const names = Object.keys(row);
      const places = names.map((_, index) => `$${index + 1}`);
      const text = `insert into schedules (${names.join(", ")}) values (${places.join(", ")})`;
      await bed.admin.query(text, Object.values(row));
      return id;
    },
    schedule: async (id) => (await rows("select * from schedules where id = $1", id))[0] ?? {},
    fires: (id) =>
      rows("select * from schedule_fires where schedule_id = $1 order by scheduled_for, kind", id),
    skips: (id) => rows("select * from schedule_skips where schedule_id = $1 order by first_slot, id", id),
    openFirer(maxQueued = 100_000) {
      const failed: unknown[] = [];
      const database = noteFailures(bed.open("atelier_scheduler"), failed);
      const queue = createExecutionQueue({
        kind: "postgres",
        databaseUrl: bed.databaseUrl,
        role: "atelier_scheduler",
      });
      queues.push(queue);
      const [fired, stuck]: [Fired[], Firer["stuck"]] = [[], []];
      let passed = 0;
      const firing = createFiring({
        database,
        queue,
        backlogs: createBacklogGuard(maxQueued),
        onRingFailed: () => {},
        onStuck: (error, scheduleId) => stuck.push({ error, scheduleId }),
        onFired: (slots, now) => fired.push({ slots, now }),
        monotonic: () => performance.now() + passed,
      });
      const look = async (signal = QUIET) => {
        const nextMs = await firing.look(signal);
        await firing.catchUp(signal);
        await firing.takeTurns(signal);
        return nextMs;
      };
      return {
        ...firing,
        look,
        fired,
        stuck,
        failed,
        passTime(ms) {
          passed += ms;
        },
        async until(condition) {
          while (!(await condition())) {
            await look();
            await delay(20);
          }
        },
      };
    },
    async close() {
      await Promise.all(queues.map((queue) => queue.close()));
      await bed.close();
    },
  };
}

function noteFailures(database: Database, failed: unknown[]): Database {
  return {
    ...database,
    transaction: (principals, work) =>
      database.transaction(principals, work).catch((error) => {
        failed.push(error);
        throw error;
      }),
  };
}

/** So many ms before now. */
export function ago(ms: number): Date {
  return new Date(Date.now() - ms);
}
