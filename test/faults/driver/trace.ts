// The history PostgreSQL keeps for the judge: every move of every execution and step, in the order of their commits' locks.
import pg from "pg";

/** Triggers of the superuser, whom no policy binds; they see what the roles' statements really did. */
const TRACE = `
  create table fault_trace (n bigserial primary key, at timestamptz not null default clock_timestamp(),
    id uuid not null, status text not null, fence int not null, owner uuid);
  create index on fault_trace (id, n);
  create table fault_steps (n bigserial primary key, at timestamptz not null default clock_timestamp(),
    id uuid not null, node_id text not null, iteration text not null, attempt int not null, status text not null,
    fence int not null, key text, copied boolean not null, stale boolean not null);
  create index on fault_steps (key);
  create index on fault_steps (id, node_id, iteration);
  create table fault_deaths (owner uuid not null, at timestamptz not null default clock_timestamp());
  create table fault_whole (at timestamptz not null default clock_timestamp());
  create table fault_marks (name text not null, at timestamptz not null default clock_timestamp());

  create function fault_trace_execution() returns trigger language plpgsql security definer as $$
  begin
    if tg_op = 'INSERT' or (old.status, old.fence, old.lease_owner) is distinct from (new.status, new.fence, new.lease_owner) then
      insert into public.fault_trace (id, status, fence, owner) values (new.id, new.status, new.fence, new.lease_owner);
    end if;
    return null;
  end $$;
  create trigger fault_trace after insert or update on workflow_executions
    for each row execute function fault_trace_execution();

  create function fault_trace_step() returns trigger language plpgsql security definer as $$
  begin
    insert into public.fault_steps (id, node_id, iteration, attempt, status, fence, key, copied, stale)
    select new.execution_id, new.node_id, new.iteration, new.attempt, new.status, new.fence, new.idempotency_key,
      new.copied_from is not null, new.fence < e.fence
    from public.workflow_executions e where e.id = new.execution_id;
    return null;
  end $$;
  create trigger fault_trace after insert or update on execution_steps
    for each row execute function fault_trace_step();`;

type Urls = { adminUrl: string; databaseUrl: string };

export type Trace = {
  /** As its owner, without a line in between. */
  databaseUrl: string;
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** A worker is gone, or will not be heard of: what it held must be taken up by others from now on. */
  noteDeath(workerId: string): Promise<void>;
  /** The roles that a scenario kept away are up: nobody can have recovered before. */
  noteWhole(): Promise<void>;
  /** A fault that kills no worker, at its end: from now on the platform must move again. */
  noteFault(name: string): Promise<void>;
  /** How many attempts of the effect with this key are written down; null: PostgreSQL is away. */
  attemptsOf(key: string): Promise<number | null>;
  close(): Promise<void>;
};

export async function startTrace({ adminUrl, databaseUrl }: Urls): Promise<Trace> {
  const pool = new pg.Pool({ connectionString: adminUrl, max: 4, application_name: "judge" });
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  const query = async <Row>(text: string, values: readonly unknown[] = []) =>
    (await pool.query(text, [...values])).rows as Row[];
  await query(TRACE);
  return {
    databaseUrl,
    query,
    async noteDeath(workerId) {
      await query("insert into fault_deaths (owner) values ($1)", [workerId]);
    },
    async noteWhole() {
      await query("insert into fault_whole default values");
    },
    async noteFault(name) {
      await query("insert into fault_marks (name) values ($1)", [name]);
    },
    async attemptsOf(key) {
      const text =
        "select count(distinct (id, attempt))::int n from fault_steps where key = $1 and not copied";
      const rows = await query<{ n: number }>(text, [key]).catch(() => null);
      return rows?.[0]?.n ?? null;
    },
    close: () => pool.end(),
  };
}
