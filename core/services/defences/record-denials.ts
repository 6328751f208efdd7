// Denials in the audit log: counted in memory and written as sums, so that whoever is refused often cannot flood it.
import { type AuditEntry, appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import { type Database, NOBODY } from "../../persistence/database.ts";

/** What was refused, to whom. No part of it is what somebody typed. */
export type Denial = {
  /** Null for nobody known. */
  actorId: string | null;
  /** The person it was about where that is not the actor: whose password was not right. */
  subjectId: string | null;
  /** The address. */
  client: string;
  method: string;
  /** The pattern, not the path. */
  route: string;
  code: string;
};

export type DenialRecorder = {
  record(denial: Denial): void;
  /** Writes what is left. */
  close(): Promise<void>;
};

export type DenialRecorderOptions = {
  database: Database;
  /** How long denials may be gathered; default 10 s. */
  everyMs?: number | undefined;
  /** Kinds told apart in one writing; default 100. More are summed up by route and code. */
  maxKinds?: number;
  onError: (error: unknown) => void;
};

const EVERY_MS = 10_000;
const MAX_KINDS = 100;
const MANY = "many";

type Sum = { denial: Denial; count: number; from: number; to: number };

export function createDenialRecorder(options: DenialRecorderOptions): DenialRecorder {
  const { database, everyMs = EVERY_MS, maxKinds = MAX_KINDS, onError } = options;
  let sums = new Map<string, Sum>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const add = (sum: Sum) => {
    const name = nameOf(sum.denial);
    if (sums.size < maxKinds || sums.has(name)) merge(sums, name, sum);
    else {
      const denial = { ...sum.denial, actorId: null, subjectId: null, client: MANY };
      merge(sums, nameOf(denial), { ...sum, denial });
    }
    timer ??= setTimeout(flush, everyMs).unref();
  };
  const flush = () => {
    timer = undefined;
    const batch = [...sums.values()];
    sums = new Map();
    if (batch.length === 0) return;
    writing = writing
      .then(() => write(database, batch))
      .catch((error: unknown) => {
        onError(error);
        for (const sum of batch) add(sum);
      });
  };
  return {
    record(denial) {
      const now = Date.now();
      add({ denial, count: 1, from: now, to: now });
    },
    async close() {
      clearTimeout(timer);
      await writing;
      clearTimeout(timer);
      flush();
      await writing;
      clearTimeout(timer);
    },
  };
}

function nameOf({ actorId, subjectId, client, method, route, code }: Denial): string {
  return JSON.stringify([actorId, subjectId, client, method, route, code]);
}

function merge(sums: Map<string, Sum>, name: string, sum: Sum): void {
  const known = sums.get(name);
  if (!known) {
    sums.set(name, sum);
    return;
  }
  known.count += sum.count;
  known.from = Math.min(known.from, sum.from);
  known.to = Math.max(known.to, sum.to);
}

function write(database: Database, batch: readonly Sum[]): Promise<void> {
  return database.transaction(NOBODY, (tx) => appendAudit(tx, batch.map(entryOf)));
}

function entryOf({ denial, count, from, to }: Sum): AuditEntry {
  const { actorId, subjectId, client, method, route, code } = denial;
  const isAboutSomebody = subjectId !== null;
  return {
    chainId: INSTANCE_CHAIN,
    actorId,
    action: "access.denied",
    targetType: isAboutSomebody ? "user" : "route",
    targetId: isAboutSomebody ? subjectId : `${method} ${route}`,
    details: {
      client,
      method,
      route,
      code,
      count,
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
    },
  };
}
