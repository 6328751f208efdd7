// The audit log as examiners use it: search, export, proof.
import { AppError } from "../../domain/app-error.ts";
import { splitWords } from "../../domain/audit-words.ts";
import { type Actor, authorizeRoute, rolesFor } from "../../domain/roles.ts";
import { findAuditHead } from "../../persistence/audit/audit-heads.ts";
import { appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import {
  type AuditFilter,
  type AuditLog,
  type AuditPage,
  listAuditLogs,
  readAuditLogs,
} from "../../persistence/audit/audit-logs-page.ts";
import { mayReadChain } from "../../persistence/audit/audit-readers.ts";

import type { Database, Principals } from "../../persistence/database.ts";
import { principalsIn, principalsOf } from "../principals-of.ts";
import { chooseWorkspace } from "../workspaces/choose-workspace.ts";

export type { AuditLog };

/** Which chain: a workspace's (default: the personal one) or the instance's. */
export type ChainChoice = { workspaceId?: string | undefined; chain?: "instance" | undefined };

export type AuditLogService = ReturnType<typeof createAuditLogService>;

const EXPORT_BATCH = 1_000;

/**
 * Every call throws `not_found` for a foreign workspace and `forbidden` where the role is too small, or where
 * the instance's chain is asked for by others than its administrators.
 */
export function createAuditLogService({ database }: { database: Database }) {
  return {
    /** Newest first. */
    list: async (
      actor: Actor,
      choice: ChainChoice,
      filter: AuditFilter,
      page: AuditPage,
    ): Promise<AuditLog[]> => {
      const chain = await chooseChain(database, actor, choice);
      requireWords(filter);
      return database.transaction(chain.principals, (tx) => listAuditLogs(tx, chain.id, filter, page));
    },
    /**
     * Resolves when the export itself is in the log; what it hands out then is what stood there before, newest
     * first and in batches.
     */
    export: async (
      actor: Actor,
      choice: ChainChoice,
      filter: AuditFilter,
      format: string,
    ): Promise<AsyncIterable<AuditLog[]>> => {
      const chain = await chooseChain(database, actor, choice);
      requireWords(filter);
      const upTo = await recordExport(database, actor, chain, { format, filter });
      return readBatches(database, chain, filter, upTo);
    },
  };
}

/** A chain and in whose name it is read: nothing else is in sight. */
export type Chain = { id: string; principals: Principals };

export async function chooseChain(
  database: Database,
  actor: Actor,
  { workspaceId, chain }: ChainChoice,
): Promise<Chain> {
  if (chain === "instance") {
    if (workspaceId !== undefined) {
      throw new AppError("invalid_request", "Name a workspace or the instance's chain, not both");
    }
    authorizeRoute(actor, "instance:admin");
    return { id: INSTANCE_CHAIN, principals: principalsIn(actor, []) };
  }
  const id = await database.transaction(principalsOf(actor), (tx) =>
    chooseWorkspace(tx, actor, "audit:read", workspaceId),
  );
  return { id, principals: principalsIn(actor, [id]) };
}

/** A search for nothing but punctuation would otherwise find everything. */
function requireWords({ q }: AuditFilter): void {
  if (q === undefined || splitWords(q).length > 0) return;
  throw new AppError("invalid_request", "q holds no word to look for", {
    problems: [{ path: "q", message: "give at least one word or number" }],
  });
}

async function recordExport(
  database: Database,
  actor: Actor,
  { id, principals }: Chain,
  details: { format: string; filter: AuditFilter },
): Promise<number> {
  return database.transaction(principals, async (tx) => {
    const head = await findAuditHead(tx, id);
    const target = { targetType: "audit_log", targetId: id };
    await appendAudit(tx, [
      { chainId: id, actorId: actor.userId, action: "audit.exported", ...target, details },
    ]);
    return head?.seq ?? 0;
  });
}

/**
 * Each batch is a short transaction, so a slow reader holds no connection; entries never change. Who lost the right
 * to read meanwhile gets `forbidden`, so that nobody keeps a chain open by reading slowly.
 */
async function* readBatches(
  database: Database,
  { id, principals }: Chain,
  filter: AuditFilter,
  upTo: number,
): AsyncGenerator<AuditLog[]> {
  let before: AuditPage["before"];
  for (;;) {
    const page = { before, upTo, limit: EXPORT_BATCH };
    const batch = await database.transaction(principals, async (tx) => {
      const { userId = "" } = principals;
      const mayRead = await mayReadChain(tx, { chainId: id, userId, roles: rolesFor("audit:read") });
      if (!mayRead) throw new AppError("forbidden", "You may not read this audit log any more");
      return readAuditLogs(tx, id, filter, page);
    });
    const last = batch.at(-1);
    if (last) yield batch;
    if (!last || batch.length < EXPORT_BATCH) return;
    before = { at: last.at, seq: last.seq };
  }
}
