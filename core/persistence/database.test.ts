// Pools and transactions: whose name they speak in, what errors become, and that a cut connection harms nobody.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../test/support/executions.ts";
import { createDatabase, type Database, type Executor, NOBODY } from "./database.ts";
import { sql } from "./sql.ts";

let bed: ExecutionBed;

before(async () => {
  bed = await createExecutionBed();
});
after(() => bed?.close());

const unavailable = { name: "AppError", code: "database_unavailable", retryable: true };

const seen = async (executor: Executor) => {
  const rows = await executor.many<{ id: string }>(sql`select workspace_id id from workflow_executions`);
  return new Set(rows.map((row) => row.id));
};

test("whom a transaction speaks for ends with it, whatever its end was, on the very same connection", async () => {
  const database = bed.open("atelier_api", 1);
  const [one, two] = [uuidv7(), uuidv7()];
  await bed.addExecution({ workspace_id: one });
  await bed.addExecution({ workspace_id: two });
  const asOne = { userId: uuidv7(), workspaceIds: [one] };
  assert.deepEqual(await database.transaction(asOne, seen), new Set([one]));
  assert.deepEqual(await seen(database), new Set());
  assert.deepEqual(await database.transaction(NOBODY, seen), new Set());
  const failing = database.transaction(asOne, async (tx) => {
    assert.deepEqual(await seen(tx), new Set([one]));
    await tx.run(sql`select 1 / 0`);
  });
  await assert.rejects(failing, /division by zero/);
  assert.deepEqual(await seen(database), new Set());
  assert.deepEqual(await database.transaction({ workspaceIds: [two] }, seen), new Set([two]));
  await assert.rejects(
    database.transaction(asOne, () => Promise.reject(new Error("changed my mind"))),
    /changed my mind/,
  );
  assert.deepEqual(await seen(database), new Set());
  assert.deepEqual(await database.transaction({ workspaceIds: [one, two] }, seen), new Set([one, two]));
});

test("50 transactions of two people at once over few connections: nobody sees the other's", async () => {
  const database = bed.open("atelier_api", 3);
  const people = [uuidv7(), uuidv7()];
  for (const workspace_id of people) await bed.addExecution({ workspace_id });
  await Promise.all(
    Array.from({ length: 50 }, (_, index) => {
      const mine = people[index % 2] ?? "";
      return database.transaction({ workspaceIds: [mine] }, async (tx) => {
        assert.deepEqual(await seen(tx), new Set([mine]));
        await delay(1);
        assert.deepEqual(await seen(tx), new Set([mine]));
      });
    }),
  );
});

test("a transaction commits all or nothing", async () => {
  const database = bed.open("atelier_worker");
  const id = await bed.addExecution();
  const set = (tx: Executor, priority: number) =>
    tx.run(sql`update workflow_executions set priority = ${priority} where id = ${id}`);
  await assert.rejects(
    database.transaction(NOBODY, async (tx) => {
      await set(tx, 3);
      throw new Error("no");
    }),
  );
  assert.equal((await bed.execution(id)).priority, 0);
  await database.transaction(NOBODY, (tx) => set(tx, 4));
  assert.equal((await bed.execution(id)).priority, 4);
});

test("a commit that goes out with the last statement: done with it, and not at all when that fails", async () => {
  const database = bed.open("atelier_worker", 1);
  const id = await bed.addExecution();
  const set = (tx: Executor, priority: number) => {
    const asked = tx.run(sql`update workflow_executions set priority = ${priority} where id = ${id}`);
    tx.endsHere?.();
    return asked;
  };
  assert.equal(await database.transaction(NOBODY, (tx) => set(tx, 3)), 1);
  assert.equal((await bed.execution(id)).priority, 3);
  const failing = database.transaction(NOBODY, async (tx) => {
    await tx.run(sql`update workflow_executions set priority = 4 where id = ${id}`);
    await set(tx, 11);
  });
  await assert.rejects(failing, { code: "23514" });
  assert.equal((await bed.execution(id)).priority, 3);
  assert.equal(await database.transaction(NOBODY, (tx) => set(tx, 5)), 1);
});

test("a name that cannot be entered: nothing of anybody is seen or done, and the caller hears why", async () => {
  const database = bed.open("atelier_api", 1);
  const mine = uuidv7();
  await bed.addExecution({ workspace_id: mine });
  let rows: Promise<Set<string>> | undefined;
  const nameless = database.transaction({ workspaceIds: [mine], userId: "a\0b" }, (tx) => {
    rows = seen(tx);
    return rows;
  });
  await assert.rejects(nameless, { code: "invalid_text" });
  await assert.rejects(rows ?? Promise.resolve(), { code: "invalid_text" });
  assert.deepEqual(await database.transaction({ workspaceIds: [mine] }, seen), new Set([mine]));
});

test("times are ISO with milliseconds, counts are numbers, JSON is JSON", async () => {
  const row = await bed.open("atelier_api").one(sql`select '2026-03-01 13:00:00.123456+01'::timestamptz "at",
    count(*) "count", '{"a": [1, null]}'::jsonb "json", null "nothing"`);
  assert.deepEqual(row, { at: "2026-03-01T12:00:00.123Z", count: 1, json: { a: [1, null] }, nothing: null });
});

test("text PostgreSQL cannot hold and ids that are none are invalid_text, other faults keep their code", async () => {
  const database = bed.open("atelier_api");
  await assert.rejects(database.one(sql`select ${"a\0b"}::text`), { code: "invalid_text" });
  await assert.rejects(database.one(sql`select ${'"\\u0000"'}::jsonb`), { code: "invalid_text" });
  await assert.rejects(database.one(sql`select ${"no"}::uuid`), { code: "invalid_text" });
  await assert.rejects(database.one(sql`select 1 / 0`), { code: "22012" });
  await assert.rejects(database.one(sql`select nothing from nowhere`), { code: "42P01" });
});

test("a server that is not there is database_unavailable, for statements and transactions", async () => {
  const database = createDatabase({ databaseUrl: "postgresql://x:y@127.0.0.1:1/z", role: "atelier_api" });
  await assert.rejects(database.one(sql`select 1`), unavailable);
  await assert.rejects(
    database.transaction(NOBODY, async () => {}),
    unavailable,
  );
  await assert.rejects(database.connect("x"));
  await database.close();
});

/** Ends the connections while `work` runs; answers what became of it. */
async function cutDuring(database: Database, work: (cut: () => Promise<number>) => Promise<unknown>) {
  const result = await Promise.allSettled([work(() => bed.cutConnections())]);
  assert.equal(
    (
      await database
        .one<{ n: number }>(sql`select 1 n`)
        .catch(() => database.one<{ n: number }>(sql`select 1 n`))
    )?.n,
    1,
  );
  return result[0].status === "rejected" ? (result[0].reason as { code: string }).code : "fine";
}

test("connections cut idle, in a statement, between two statements: an error for the caller, nothing for the process", async () => {
  const errors: Error[] = [];
  const options = { databaseUrl: bed.databaseUrl, role: "atelier_api", maxConnections: 2 } as const;
  const database = createDatabase({ ...options, onError: (error) => errors.push(error) });
  const between = await cutDuring(database, (cut) =>
    database.transaction(NOBODY, async (tx) => {
      await tx.one(sql`select 1`);
      await cut();
      await delay(50);
      await tx.one(sql`select 1`);
    }),
  );
  assert.equal(between, "database_unavailable");
  const during = await cutDuring(database, async (cut) => {
    setTimeout(cut, 50);
    await database.transaction(NOBODY, (tx) => tx.one(sql`select pg_sleep(30)`));
  });
  assert.equal(during, "database_unavailable");
  const alone = await cutDuring(database, async (cut) => {
    setTimeout(cut, 50);
    await database.one(sql`select pg_sleep(30)`);
  });
  assert.equal(alone, "database_unavailable");
  const idle = await cutDuring(database, async (cut) => {
    await cut();
    await database.transaction(NOBODY, (tx) => tx.one(sql`select 1`));
  });
  assert.ok(["fine", "database_unavailable"].includes(idle), idle);
  await database.close();
});

test("a server that goes silent in the middle is given up, and a new connection is made", async () => {
  const proxy = await startSilencer(new URL(bed.databaseUrl));
  const database = createDatabase({
    databaseUrl: proxy.url,
    role: "atelier_api",
    maxConnections: 1,
    queryTimeoutMs: 300,
  });
  await database.one(sql`select 1`);
  proxy.silence();
  await assert.rejects(database.one(sql`select 1`), unavailable);
  await database.one(sql`select 1`);
  const inside = database.transaction(NOBODY, async (tx) => {
    await tx.one(sql`select 1`);
    proxy.silence();
    await tx.one(sql`select 1`);
  });
  await assert.rejects(inside, unavailable);
  await database.transaction(NOBODY, (tx) => tx.one(sql`select 1`));
  await database.close();
  await proxy.close();
});

test("a connection that is refused in the packet that made it ready harms nobody", async () => {
  const proxy = await startSilencer(new URL(bed.databaseUrl));
  const database = createDatabase({ databaseUrl: proxy.url, role: "atelier_api", maxConnections: 1 });
  proxy.killWhenReady();
  await assert.rejects(
    database.transaction(NOBODY, (tx) => tx.one(sql`select 1`)),
    unavailable,
  );
  await database.transaction(NOBODY, (tx) => tx.one(sql`select 1`));
  await database.close();
  await proxy.close();
});

const READY = Buffer.from("5a0000000549", "hex");
const FIELDS = Buffer.from(
  "SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0",
);
const FATAL = Buffer.concat([Buffer.from("E"), sizeOf(FIELDS.length + 4), FIELDS]);

function sizeOf(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

/**
 * Passes bytes on; `silence` lets the connections of now hang without a word, as a lost network does, and
 * `killWhenReady` ends the next one as an administrator would, in the very packet that says it is ready.
 */
async function startSilencer(target: URL) {
  const open = new Set<{ near: Socket; far: Socket }>();
  let deadly = false;
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    open.add({ near, far });
    for (const socket of [near, far]) socket.on("error", () => {});
    const pass = (chunk: Buffer) => {
      if (!deadly || !chunk.subarray(-READY.length).equals(READY)) return void near.write(chunk);
      deadly = false;
      near.end(Buffer.concat([chunk, FATAL]));
    };
    near.pipe(far).on("data", pass);
    far.on("end", () => near.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.toString(),
    killWhenReady() {
      deadly = true;
    },
    silence() {
      for (const { near, far } of open) {
        near.unpipe(far);
        far.removeAllListeners("data");
      }
    },
    async close() {
      for (const { near, far } of open) {
        near.destroy();
        far.destroy();
      }
      server.close();
      await once(server, "close");
    },
  };
}
