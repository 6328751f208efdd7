// What the erasure tests share: an api with an administrator, rows to erase, and a search through every column.

import { verifyAuditChain } from "../../core/persistence/audit/verify-audit-chain.ts";
import { createDatabase, type Database } from "../../core/persistence/database.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";

export type EraseBed = {
  testDatabase: TestDatabase;
  api: TestApi;
  /** The first person: the administrator. */
  admin: Person;
  database: Database;
  call<Body = Record<string, unknown>>(
    person: Person,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Body }>;
  query<Row = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>;
  /** A workspace that is nobody's personal one; `person` owns it. */
  addWorkspace(id: string, person: Person, name: string): Promise<void>;
  addMember(workspaceId: string, person: Person, role: string): Promise<void>;
  /** Of every chain there is: the ids of those that do not verify. */
  brokenChains(): Promise<string[]>;
  /** `table.column` of everything outside the catalogue that holds the text, in any case. */
  findText(text: string): Promise<string[]>;
  close(): Promise<void>;
};

export async function createEraseBed(): Promise<EraseBed> {
  const testDatabase = await createTestDatabase();
  const api = await startTestApi(testDatabase.databaseUrl);
  const database = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_api" });
  const query: EraseBed["query"] = (text, values = []) => asAdmin(testDatabase, text, values);
  const addMember = async (workspaceId: string, person: Person, role: string) => {
    const text = "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, $3)";
    await query(text, [workspaceId, person.userId, role]);
  };
  return {
    testDatabase,
    api,
    admin: await api.register("root@example.com"),
    database,
    call: (person, method, path, body) =>
      api.request(method, path, { token: person.token, ...(body !== undefined && { body }) }),
    query,
    async addWorkspace(id, person, name) {
      const text = "insert into workspaces (id, name, created_by) values ($1, $2, $3)";
      await query(text, [id, name, person.userId]);
      await addMember(id, person, "owner");
    },
    addMember,
    async brokenChains() {
      const heads = await query<{ chain_id: string }>("select chain_id from audit_heads");
      const broken: string[] = [];
      for (const { chain_id: chain } of heads) {
        const principals = { workspaceIds: [chain] };
        const verdict = await database.transaction(principals, (tx) => verifyAuditChain(tx, chain));
        if (!verdict.ok || verdict.checked === 0) broken.push(chain);
      }
      return broken;
    },
    findText: (text) => findText(query, text),
    async close() {
      await database.close();
      await api.close();
      await testDatabase.drop();
    },
  };
}

/** Texts, JSON, arrays of them, and bytes that hold the text as UTF-8: from the catalogue, so no table is forgotten. */
async function findText(query: EraseBed["query"], text: string): Promise<string[]> {
  const columns = await query<{
    place: string;
    schema: string;
    table: string;
    column: string;
    type: string;
  }>(`
    select format('%s.%s', c.relname, a.attname) as place, n.nspname as schema, c.relname as "table",
      a.attname as column, t.typname as type
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and t.typname in ('text', '_text', 'varchar', 'json', 'jsonb', 'bytea', '_bytea', 'citext', 'tsvector')`);
  if (columns.length < 80) throw new Error(`only ${columns.length} columns were found to search`);
  const looks = columns.map(({ place, schema, table, column, type }) => {
    const value = type === "bytea" ? `encode("${column}", 'escape')` : `"${column}"::text`;
    return `select '${place}' as place where exists (
      select from "${schema}"."${table}" where position($1 in lower(${value})) > 0)`;
  });
  const rows = await query<{ place: string }>(looks.join(" union all "), [text.toLowerCase()]);
  return rows.map((row) => row.place).toSorted();
}
