// The recorder alone: one commit at a time, in order, shared by whoever waits, and an end that holds all the rest.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { AppError } from "#core/domain/app-error.ts";
import type { JournalWrite, StepRecord } from "#core/domain/journal.ts";
import { claimOf } from "../../test/support/engine.ts";
import { createJournal } from "./journal.ts";

function step(
  nodeId: string,
  status: StepRecord["status"] = "succeeded",
  attempt = 1,
): Omit<StepRecord, "seq"> {
  const at = "2026-03-01T12:00:00.000Z";
  return {
    nodeId,
    nodeType: "x",
    iteration: "",
    attempt,
    status,
    effect: "pure",
    idempotencyKey: null,
    port: null,
    input: null,
    output: null,
    error: null,
    startedAt: at,
    finishedAt: at,
  };
}

/** A store whose commits end when the test says so. */
function openStore(history: StepRecord[] = [], signal = new AbortController().signal) {
  const writes: JournalWrite[] = [];
  const commits: PromiseWithResolvers<void>[] = [];
  const lost: AppError[] = [];
  const journal = createJournal({
    store: {
      write(write) {
        writes.push(write);
        const commit = Promise.withResolvers<void>();
        commits.push(commit);
        return commit.promise;
      },
    },
    execution: claimOf(),
    history,
    signal,
    onLost: (reason) => lost.push(reason),
  });
  const written = () => writes.map((write) => write.steps.map((row) => row.nodeId).join());
  return { journal, writes, commits, lost, written };
}

const settle = async () => {
  for (let n = 0; n < 3; n++) await turn();
};

test("whoever asks while a write is under way shares the next one; writes never overlap", async () => {
  const { journal, commits, written } = openStore();
  journal.note(step("a"));
  const first = journal.flush();
  await settle();
  assert.deepEqual(written(), ["a"]);
  let done = 0;
  const asked = ["b", "c", "d"].map((id) => {
    journal.note(step(id));
    return journal.flush().then(() => done++);
  });
  await settle();
  assert.deepEqual(written(), ["a"], "the second write waits for the first");
  commits[0]?.resolve();
  await first;
  await settle();
  assert.deepEqual(written(), ["a", "b,c,d"]);
  assert.equal(done, 0, "nobody goes on before the commit");
  commits[1]?.resolve();
  await Promise.all(asked);
});

test("a start and an end that meet in the buffer are one row, numbered as the later", async () => {
  const { journal, writes, commits } = openStore([{ ...step("old"), seq: 7 }]);
  journal.note(step("a", "running"));
  journal.note(step("b"));
  journal.note(step("a", "succeeded"));
  const flushed = journal.flush();
  await settle();
  commits[0]?.resolve();
  await flushed;
  assert.deepEqual(
    writes[0]?.steps.map((row) => `${row.nodeId} ${row.status} ${row.seq}`),
    ["a succeeded 10", "b succeeded 9"],
  );
});

test("close writes what is left together with the move, after all that is under way", async () => {
  const { journal, writes, commits, written } = openStore();
  journal.note(step("a"));
  const flushed = journal.flush();
  await settle();
  journal.note(step("b"));
  const closed = journal.close({ to: "succeeded", output: 1 });
  await settle();
  assert.deepEqual(written(), ["a"]);
  commits[0]?.resolve();
  await flushed;
  await settle();
  assert.deepEqual(written(), ["a", "b"]);
  assert.deepEqual(writes[1]?.move, { to: "succeeded", output: 1 });
  commits[1]?.resolve();
  await closed;
});

test("close at once after a flush was asked for loses neither", async () => {
  const { journal, writes, commits } = openStore();
  journal.note(step("a"));
  const flushed = journal.flush();
  const closed = journal.close({ to: "succeeded" });
  for (let n = 0; n < 3; n++) {
    await settle();
    for (const commit of commits) commit.resolve();
  }
  await Promise.all([flushed, closed]);
  assert.deepEqual(
    writes.flatMap((write) => write.steps.map((row) => row.nodeId)),
    ["a"],
  );
  assert.deepEqual(writes.at(-1)?.move, { to: "succeeded" });
});

test("what nobody waits for is written all the same", { timeout: 10_000 }, async () => {
  const { journal, commits, written } = openStore();
  journal.note(step("a"));
  while (commits.length === 0) await turn();
  assert.deepEqual(written(), ["a"]);
  commits[0]?.resolve();
});

test("a failed write fails all that follow, says why once it is known, and is nobody's unhandled rejection", async () => {
  const { journal, commits, lost, writes } = openStore();
  journal.note(step("a"));
  const flushed = journal.flush();
  await settle();
  commits[0]?.reject(new Error("disk"));
  await assert.rejects(flushed, /disk/);
  assert.equal(lost[0]?.code, "journal_failed");
  journal.note(step("b"));
  await assert.rejects(journal.flush(), /disk/);
  await assert.rejects(journal.close({ to: "succeeded" }), /disk/);
  assert.equal(writes.length, 1);
});

test("after a lost lease nothing is handed to the store, and whoever waits is told", {
  timeout: 10_000,
}, async () => {
  const controller = new AbortController();
  const { journal, writes } = openStore([], controller.signal);
  journal.note(step("a"));
  controller.abort(new AppError("lease_lost", "gone"));
  await assert.rejects(journal.flush(), { code: "lease_lost" });
  await assert.rejects(journal.close({ to: "succeeded" }), { code: "lease_lost" });
  assert.equal(writes.length, 0);
});

test("attempts of the past are told by node and iteration, oldest first", () => {
  const history = [
    { ...step("a", "failed", 1), seq: 1 },
    { ...step("a", "succeeded", 2), seq: 2 },
    { ...step("a"), iteration: "3", seq: 3 },
  ];
  const { journal } = openStore(history);
  assert.deepEqual(
    journal.attempts("a", "").map((row) => row.attempt),
    [1, 2],
  );
  assert.equal(journal.attempts("a", "3").length, 1);
  assert.deepEqual(journal.attempts("b", ""), []);
});
