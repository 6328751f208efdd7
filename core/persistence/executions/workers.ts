// Workers as the database knows them: registered, beating, stopped.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type WorkerIdentity = { id: string; host: string; pid: number; concurrency: number };

export function registerWorker(database: Executor, worker: WorkerIdentity): Promise<number> {
  return database.run(sql`
    insert into workers (id, host, pid, concurrency)
    values (${worker.id}, ${worker.host}, ${worker.pid}, ${worker.concurrency})`);
}

export function recordHeartbeat(database: Executor, workerId: string): Promise<number> {
  return database.run(sql`update workers set heartbeat_at = clock_timestamp() where id = ${workerId}`);
}

export function recordStop(database: Executor, workerId: string): Promise<number> {
  return database.run(sql`update workers set stopped_at = clock_timestamp() where id = ${workerId}`);
}

/** Has the worker's lease thread been heard of within `seconds`, on the database's clock? */
export async function isBeating(database: Executor, workerId: string, seconds: number): Promise<boolean> {
  const worker = await database.one<{ beats: boolean }>(sql`
    select heartbeat_at > clock_timestamp() - make_interval(secs => ${seconds}) as beats
    from workers where id = ${workerId}`);
  return worker?.beats ?? false;
}
