// Workers as the database knows them: registered, beating, stopped.
import type { IdPage } from "../../domain/id-page.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type WorkerIdentity = { id: string; host: string; pid: number; concurrency: number };

export function registerWorker(database: Executor, worker: WorkerIdentity): Promise<number> {
  return database.run(sql`
    insert into workers (id, host, pid, concurrency)
    values (${worker.id}, ${worker.host}, ${worker.pid}, ${worker.concurrency})`);
}

/** `running`: how many executions it holds a lease of. */
export function recordHeartbeat(database: Executor, workerId: string, running = 0): Promise<number> {
  return database.run(sql`
    update workers set heartbeat_at = clock_timestamp(), running = ${running} where id = ${workerId}`);
}

export function recordStop(database: Executor, workerId: string): Promise<number> {
  return database.run(
    sql`update workers set stopped_at = clock_timestamp(), running = 0 where id = ${workerId}`,
  );
}

/** Has the worker's lease thread been heard of within `seconds`, on the database's clock? */
export async function isBeating(database: Executor, workerId: string, seconds: number): Promise<boolean> {
  const worker = await database.one<{ beats: boolean }>(sql`
    select heartbeat_at > clock_timestamp() - make_interval(secs => ${seconds}) as beats
    from workers where id = ${workerId}`);
  return worker?.beats ?? false;
}

/** silent: it should have beaten by now and has not, nor said goodbye; its executions are taken back. */
export type WorkerState = "alive" | "silent" | "stopped";

export type SeenWorker = WorkerIdentity & {
  /** As of the last beat. */
  running: number;
  startedAt: string;
  heartbeatAt: string;
  stoppedAt: string | null;
  state: WorkerState;
};

/** Newest ids first. `silentMs` as in the reaper: whom it takes executions from is silent here. */
export function listWorkers(
  database: Executor,
  { before, limit, silentMs }: IdPage & { silentMs: number },
): Promise<SeenWorker[]> {
  return database.many<SeenWorker>(sql`
    select id, host, pid, concurrency, running, started_at "startedAt", heartbeat_at "heartbeatAt",
      stopped_at "stoppedAt", case
        when stopped_at is not null then 'stopped'
        when heartbeat_at > clock_timestamp() - make_interval(secs => ${silentMs / 1000}::float8) then 'alive'
        else 'silent' end state
    from workers where ${before ?? null}::uuid is null or id < ${before ?? null}::uuid
    order by id desc limit ${limit}`);
}

/** Ids of those that have beaten within `silentMs`. */
export async function findLiveWorkers(database: Executor, silentMs: number): Promise<string[]> {
  const alive = await database.many<{ id: string }>(sql`
    select id from workers where stopped_at is null
      and heartbeat_at > clock_timestamp() - make_interval(secs => ${silentMs / 1000}::float8)`);
  return alive.map(({ id }) => id);
}

/** Every start leaves a row: those not heard of for so many days are of no interest any more. Returns how many went. */
export function forgetWorkers(database: Executor, days: number): Promise<number> {
  return database.run(sql`
    delete from workers where heartbeat_at < clock_timestamp() - make_interval(days => ${days})`);
}
