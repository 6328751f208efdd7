// Whose turn it is: order among keys, how much one key may hold, bounds, and leaving the line.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { type TestContext, test } from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import { createWaitQueue, type Task, type WaitQueue, type WaitQueueLimits } from "./wait-queue.ts";

const DONE = { ok: true };
type Job = { readonly source: string };
type Reply = typeof DONE;

function queueOf(t: TestContext, limits: Partial<WaitQueueLimits> = {}): WaitQueue<Job, Reply> {
  const queue = createWaitQueue<Job, Reply>(
    { maxQueued: 100, maxQueuedPerKey: 100, maxBusyPerKey: 1, maxWaitMs: 60_000, ...limits },
    (message) => new AppError("expression_busy", message, { retryable: true }),
  );
  // What a test leaves in the line would hold its process until the wait is over.
  t.after(() => queue.rejectAll(new Error("closed")));
  return queue;
}

/** For jobs whose reply the test does not look at. */
function fill(queue: WaitQueue<Job, Reply>, ...names: string[]): void {
  for (const name of names) void add(queue, name);
}

/** Names like "a1": key a, first job. */
function add(queue: WaitQueue<Job, Reply>, name: string, signal?: AbortSignal): Promise<Reply> {
  const reply = queue.add({ source: name }, { key: name.charAt(0), ...(signal && { signal }) });
  reply.catch(() => {});
  return reply;
}

function take(queue: WaitQueue<Job, Reply>): Task<Job, Reply> {
  const task = queue.take();
  assert.ok(task, "a task is there");
  return task;
}

function end(queue: WaitQueue<Job, Reply>, task: Task<Job, Reply>): void {
  queue.release(task);
  task.resolve(DONE);
}

function order(queue: WaitQueue<Job, Reply>): string[] {
  const taken: string[] = [];
  for (let task = queue.take(); task; task = queue.take()) {
    taken.push(task.job.source);
    end(queue, task);
  }
  return taken;
}

test("keys take turns, each in its own order", (t) => {
  const queue = queueOf(t);
  fill(queue, "a1", "a2", "a3", "b1", "b2", "c1");
  assert.deepEqual(order(queue), ["a1", "b1", "c1", "a2", "b2", "a3"]);
});

test("keys take turns also while nothing ends", (t) => {
  const queue = queueOf(t, { maxBusyPerKey: 3 });
  fill(queue, "a1", "a2", "a3", "b1", "b2");
  const taken = Array.from({ length: 5 }, () => take(queue).job.source);
  assert.deepEqual(taken, ["a1", "b1", "a2", "b2", "a3"]);
});

test("who came while another had its turn is next, whatever waits behind the other", (t) => {
  const queue = queueOf(t);
  fill(queue, "a1", "a2", "a3", "a4");
  const running = take(queue);
  fill(queue, "b1");
  end(queue, running);
  assert.deepEqual(order(queue), ["b1", "a2", "a3", "a4"]);
});

test("a key gets no more than its share at once, and more when something of it ends", (t) => {
  const queue = queueOf(t, { maxBusyPerKey: 2 });
  fill(queue, "a1", "a2", "a3", "a4");
  assert.equal(queue.takeable(), 2);
  const first = take(queue);
  take(queue);
  assert.equal(queue.takeable(), 0);
  assert.equal(queue.take(), undefined);
  fill(queue, "b1");
  assert.equal(take(queue).job.source, "b1");
  end(queue, first);
  assert.equal(take(queue).job.source, "a3");
});

test("the line is bounded per key and in all", async (t) => {
  const queue = queueOf(t, { maxQueued: 3, maxQueuedPerKey: 2 });
  fill(queue, "a1", "a2");
  await assert.rejects(add(queue, "a3"), { code: "expression_busy", retryable: true });
  fill(queue, "b1");
  await assert.rejects(add(queue, "b2"), { code: "expression_busy" });
  end(queue, take(queue));
  fill(queue, "b2");
  assert.deepEqual(order(queue), ["b1", "a2", "b2"]);
});

test("an abort leaves the line at once with the signal's reason and makes room", async (t) => {
  const queue = queueOf(t, { maxQueued: 2 });
  const controller = new AbortController();
  const gone = add(queue, "a1", controller.signal);
  fill(queue, "a2");
  const reason = new Error("not wanted any more");
  controller.abort(reason);
  await assert.rejects(gone, (error) => error === reason);
  await assert.rejects(add(queue, "a3", controller.signal), (error) => error === reason);
  fill(queue, "b1");
  assert.deepEqual(order(queue), ["a2", "b1"]);
});

test("a task that ended leaves nothing on its signal, and a later abort does not touch it", async (t) => {
  const queue = queueOf(t);
  const controller = new AbortController();
  const reply = add(queue, "a1", controller.signal);
  end(queue, take(queue));
  assert.equal(await reply, DONE);
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
});

test("whose turn does not come in time is told so, and is not taken later", async (t) => {
  const queue = queueOf(t, { maxWaitMs: 1 });
  await assert.rejects(add(queue, "a1"), { code: "expression_busy", retryable: true });
  assert.equal(queue.take(), undefined);
});
