// Reads in the audit log: what is audited is handed out only when its entry is committed. Many reads share a commit.
import { AppError } from "../../domain/app-error.ts";
import { isAuditedRead, joinLabels, type ReadFacts, type ReadWay } from "../../domain/audited-read.ts";
import type { Actor } from "../../domain/roles.ts";
import { type AuditEntry, appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Database } from "../../persistence/database.ts";
import { createGroupWriter } from "../../persistence/group-writer.ts";

/** What was found for a reader, and how it is handed out. */
export type Read = { targetType: "execution" | "file"; targetId: string; how: ReadWay; facts: ReadFacts };

export type ReadRecorder = {
  /**
   * Call it after `authorize` and before anything is handed out; resolves when that may be: at once for what is not
   * audited, else after the commit of the entry. Rejects when there is none: hand out nothing.
   */
  record(actor: Actor, read: Read): Promise<void>;
  /** Resolves when nothing is pending. */
  drain(): Promise<void>;
};

export type ReadRecorderOptions = {
  database: Database;
  /** For how long the same read is one entry; default 10 minutes, because a screen that watches asks every second. */
  repeatMs?: number;
  /** Reads remembered at once, about 0.4 kB each; the oldest is forgotten, which costs an entry more. */
  maxRemembered?: number;
  /** Milliseconds of a clock that never goes back. */
  now?: () => number;
};

const REPEAT_MS = 600_000;
const MAX_REMEMBERED = 10_000;
const MAX_BATCH = 500;

type Known = { written: Promise<void>; until: number };

export function createReadRecorder(options: ReadRecorderOptions): ReadRecorder {
  const { database, repeatMs = REPEAT_MS, maxRemembered = MAX_REMEMBERED } = options;
  const now = options.now ?? (() => performance.now());
  const known = new Map<string, Known>();
  const writer = createGroupWriter<AuditEntry, void>({
    async writeBatch(entries) {
      const workspaceIds = [...new Set(entries.map((entry) => entry.chainId))];
      await database.transaction({ workspaceIds }, (tx) => appendAudit(tx, entries));
      return entries.map(() => undefined);
    },
    maxBatch: MAX_BATCH,
    maxInFlight: 2,
    isShared: (error) => error instanceof AppError && error.code === "database_unavailable",
  });

  return {
    async record(actor, read) {
      if (!isAuditedRead(read.facts)) return;
      const entry = entryOf(actor, read);
      const name = nameOf(entry);
      const before = known.get(name);
      // Its entry may still be on its way.
      if (before && now() < before.until) return before.written;
      // Deleted first: keys stay in the order they came, so the first is the oldest.
      known.delete(name);
      const one: Known = { written: writer.write(entry), until: now() + repeatMs };
      known.set(name, one);
      const [oldest] = known.keys();
      if (known.size > maxRemembered && oldest !== undefined) known.delete(oldest);
      try {
        await one.written;
      } catch (error) {
        // The next reader tries again.
        if (known.get(name) === one) known.delete(name);
        throw error;
      }
    },
    drain: () => writer.drain(),
  };
}

function entryOf(actor: Actor, { targetType, targetId, how, facts }: Read): AuditEntry {
  return {
    chainId: facts.workspaceId,
    actorId: actor.userId,
    action: `${targetType}.read`,
    targetType,
    targetId,
    details: { how, labels: joinLabels(facts.labels) },
    // Said here, because the transaction is that of many.
    apiKeyId: actor.apiKey?.id,
  };
}

/** Another key, another way of reading and another label make another entry. */
function nameOf({ actorId, apiKeyId, targetId, details }: AuditEntry): string {
  return JSON.stringify([actorId, apiKeyId, targetId, details]);
}
