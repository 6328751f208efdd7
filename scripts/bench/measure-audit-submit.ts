// What the audit log costs the transaction of submissions: without entries, with plain and with chained ones, in turns.
import { createHash } from "node:crypto";
import type pg from "pg";
import { v7 as uuidv7 } from "uuid";
import type { appendAudit } from "../../core/persistence/audit/audit-logs.ts";
import type { Database } from "../../core/persistence/database.ts";
import type { NewExecution } from "../../core/persistence/executions/insert-executions.ts";
import { createGroupWriter } from "../../core/persistence/group-writer.ts";
import { commitSubmissions, type Verdict } from "../../core/services/executions/commit-submissions.ts";
import { type Counts, chooseAppend, compareCounts, VARIANTS } from "./append-variants.ts";
import { benchGraph } from "./graphs.ts";
import { type Measurement, round } from "./measurement.ts";

const SUBMITTERS = 32;
const TURNS = 5;

type Tenant = { userId: string; workspaceId: string; workflowId: string };

/** `seconds` for each way, for each of the two numbers of workspaces. */
export async function measureAuditSubmit(
  database: Database,
  admin: pg.Client,
  seconds: number,
): Promise<Measurement[]> {
  const lines: Measurement[] = [];
  for (const workspaces of [1, 8]) {
    const tenants: Tenant[] = [];
    while (tenants.length < workspaces) tenants.push(await insertTenant(admin));
    const counts: Counts = { none: 0, plain: 0, chained: 0 };
    for (let turn = 0; turn <= TURNS; turn++) {
      for (const variant of VARIANTS) {
        const append = chooseAppend(variant);
        const made = await submitFor(
          (seconds * 1_000) / TURNS,
          (rows) => commit(database, rows, append),
          tenants,
        );
        // The first turn warms up.
        if (turn > 0) counts[variant] += made;
      }
    }
    const { entry, chain } = compareCounts(counts);
    const of = `share of a submission's transaction, ${workspaces} ${workspaces === 1 ? "workspace" : "workspaces"}`;
    const rates = Object.fromEntries(VARIANTS.map((name) => [name, round(counts[name] / seconds)]));
    const detail = { unit: "ratio", submitters: SUBMITTERS, rates } as const;
    lines.push({ name: `audit chain's ${of}`, value: round(chain), ...detail });
    lines.push({ name: `audit entry's ${of}`, value: round(entry), ...detail });
  }
  return lines;
}

function commit(
  database: Database,
  rows: readonly NewExecution[],
  append: typeof appendAudit,
): Promise<readonly Verdict[]> {
  const workspaceIds = [...new Set(rows.flatMap((row) => row.workspaceIds))];
  return database.transaction({ workspaceIds }, async (tx) => {
    const { verdicts } = await commitSubmissions(tx, rows, append);
    return verdicts;
  });
}

/** Submissions in so many milliseconds, one after the other by each submitter, gathered as the api gathers them. */
async function submitFor(
  ms: number,
  write: (rows: readonly NewExecution[]) => Promise<readonly Verdict[]>,
  tenants: readonly Tenant[],
): Promise<number> {
  const writer = createGroupWriter<NewExecution, Verdict>({
    writeBatch: async (rows) => [...(await write(rows))],
    maxBatch: 500,
    maxInFlight: 2,
    isShared: () => true,
  });
  let count = 0;
  const startedAt = performance.now();
  const submit = async (tenant: Tenant) => {
    while (performance.now() - startedAt < ms) {
      const verdict = await writer.write(rowOf(tenant));
      if (typeof verdict === "string") throw new Error(`a submission was ${verdict}`);
      count += 1;
    }
  };
  await Promise.all(
    Array.from({ length: SUBMITTERS }, (_, index) => submit(tenants[index % tenants.length] as Tenant)),
  );
  // What was under way at the end took its time too.
  return (count * ms) / (performance.now() - startedAt);
}

function rowOf({ userId, workspaceId, workflowId }: Tenant): NewExecution {
  const start = { triggerType: "manual", triggerNode: null, trigger: {}, input: { qty: 3, price: 20 } };
  const rest = {
    priority: 0,
    band: 0,
    availableAt: null,
    labels: [],
    watched: false,
    key: null,
    requestHash: null,
  };
  return { id: uuidv7(), userId, workspaceIds: [workspaceId], workflowId, version: null, ...start, ...rest };
}

async function insertTenant(admin: pg.Client): Promise<Tenant> {
  const tenant = { userId: uuidv7(), workspaceId: uuidv7(), workflowId: uuidv7() };
  const { userId, workspaceId, workflowId } = tenant;
  const graph = JSON.stringify(benchGraph());
  const hash = createHash("sha256").update(graph).digest();
  await admin.query(
    "insert into users (id, email, password_hash) values ($1, $1::uuid || '@example.com', '-')",
    [userId],
  );
  await admin.query("insert into workspaces (id, name, created_by) values ($1, 'bench', $2)", [
    workspaceId,
    userId,
  ]);
  await admin.query("insert into workspace_members (workspace_id, user_id, role) values ($1, $2, 'owner')", [
    workspaceId,
    userId,
  ]);
  await admin.query("insert into workflows (id, workspace_id, owner_id, name) values ($1, $2, $3, 'bench')", [
    workflowId,
    workspaceId,
    userId,
  ]);
  await admin.query(
    `insert into workflow_versions (workflow_id, version, workspace_id, content_hash, graph, created_by)
     values ($1, 1, $2, $3, $4, $5)`,
    [workflowId, workspaceId, hash, graph, userId],
  );
  return tenant;
}
