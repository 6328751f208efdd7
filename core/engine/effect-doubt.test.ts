// Effects that must not be repeated and whose end is not known: never sent again by themselves, whatever broke them off.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#core/domain/app-error.ts";
import { withDoubt } from "#core/domain/effect-doubt.ts";
import type { StepError } from "#core/domain/journal.ts";
import {
  type Behaviour,
  closeEvaluator,
  createMemoryStore,
  draw,
  runGraph,
} from "../../test/support/engine.ts";

after(closeEvaluator);

const RETRY = { maxAttempts: 3, backoffMs: 0, maxBackoffMs: 0 };
const lost = (inDoubt?: boolean) =>
  new AppError("egress_connection_failed", "The line was cut", { retryable: true, inDoubt });
const throwing =
  (error: unknown): Behaviour =>
  () => {
    throw error;
  };
const silent: Behaviour = () => new Promise(() => {});
/** As a port does when nothing has left. */
const notSent: Behaviour = ({ signal }) =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(withDoubt(signal.reason, false)), { once: true });
  });
/** As a port does that was aborted after it had sent. */
const sent: Behaviour = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
const committing: Behaviour = ({ signal }) =>
  new Promise((resolve) => {
    signal.addEventListener("abort", () => setTimeout(() => resolve("paid"), 20), { once: true });
  });

/** Counts how often the payment went out. */
function counted(behaviour: Behaviour): { pay: Behaviour; sends: () => number } {
  let sends = 0;
  const pay: Behaviour = (...given) => {
    sends++;
    return behaviour(...given);
  };
  return { pay, sends: () => sends };
}

for (const onError of ["fail", "continue", "error"]) {
  test(`a payment without a definitive answer goes out once and is parked, past retry and onError ${onError}`, async () => {
    const reasons: [string, Behaviour][] = [
      ["times out", silent],
      ["times out and hears of it", sent],
      ["is cut off", throwing(lost(true))],
      ["is cut off and says nothing of it", throwing(lost())],
      ["says so of what is not tried again", throwing(new AppError("odd", "Odd", { inDoubt: true }))],
      ["throws what is no error of ours", throwing(new TypeError("undefined is no function"))],
    ];
    for (const [name, behaviour] of reasons) {
      const { pay, sends } = counted(behaviour);
      const data = { type: "test.effectful", retry: RETRY, timeoutMs: 20, onError };
      const { end, steps, store } = await runGraph({
        graph: draw("start>pay>ship", { pay: data }),
        behaviours: { pay, ship: () => assert.fail("went on") },
      });
      assert.deepEqual([sends(), end], [1, "waiting"], name);
      assert.deepEqual(steps, ["start[]#1 succeeded", "pay[]#1 unknown"], name);
      assert.ok(store.rows().at(-1)?.error, name);
    }
  });
}

test("a definitive failure of a payment is an ordinary one: tried again, and its onError applies", async () => {
  const reasons: [Behaviour, number][] = [
    [throwing(lost(false)), 3],
    [notSent, 3],
    [throwing(new AppError("no_stock", "Nothing left")), 1],
  ];
  for (const [behaviour, expected] of reasons) {
    const { pay, sends } = counted(behaviour);
    const data = { type: "test.effectful", retry: RETRY, timeoutMs: 20, onError: "continue" };
    const { end, steps } = await runGraph({
      graph: draw("start>pay>ship", { pay: data }),
      behaviours: { pay },
    });
    assert.deepEqual([sends(), end], [expected, "succeeded"]);
    assert.equal(steps.at(-1), "ship[]#1 succeeded");
  }
});

test("an answer that comes shortly after the node's time is over counts", async () => {
  const { pay, sends } = counted(committing);
  const data = { type: "test.effectful", retry: RETRY, timeoutMs: 20 };
  const { end, output } = await runGraph({ graph: draw("start>pay", { pay: data }), behaviours: { pay } });
  assert.deepEqual([sends(), end, output], [1, "succeeded", "paid"]);
});

/** Runs a payment beside a branch that stops the run once the payment is under way. */
async function stopBeside(how: "sibling" | "cancelled" | "timeout" | "shutdown", behaviour: Behaviour) {
  const controller = new AbortController();
  const begun = Promise.withResolvers<void>();
  const { pay, sends } = counted((...given) => {
    begun.resolve();
    return behaviour(...given);
  });
  const stop: Behaviour = async () => {
    await begun.promise;
    if (how === "sibling") throw new AppError("no_stock", "Nothing left");
    if (how !== "timeout") controller.abort(new AppError(how, `${how} it is`));
    await delay(60_000, null, { ref: false });
  };
  const drawn = draw("start>pay>ship start>stop", { pay: { type: "test.effectful", retry: RETRY } });
  const graph = { ...(drawn as object), ...(how === "timeout" && { settings: { timeoutMs: 100 } }) };
  const store = createMemoryStore();
  const behaviours = { pay, stop, ship: () => assert.fail("went on") };
  const result = await runGraph({ graph, behaviours, store, signal: controller.signal });
  const row = store.rows().find(({ nodeId }) => nodeId === "pay");
  return { ...result, row, sends: sends(), graph };
}

for (const how of ["sibling", "cancelled", "timeout"] as const) {
  const expected = how === "cancelled" ? "cancelled" : "failed";
  test(`a run that ends by ${how} while a payment is under way says of it what is known`, async () => {
    for (const behaviour of [silent, sent]) {
      const doubt = await stopBeside(how, behaviour);
      assert.deepEqual([doubt.end, doubt.row?.status, doubt.sends], [expected, "unknown", 1]);
      assert.equal(doubt.row?.error?.code, "effect_in_doubt");
    }
    const done = await stopBeside(how, committing);
    assert.deepEqual([done.end, done.row?.status, done.row?.output], [expected, "succeeded", "paid"]);
    const unsent = await stopBeside(how, notSent);
    assert.deepEqual([unsent.end, unsent.row?.status], [expected, "cancelled"]);
    assert.equal(unsent.row?.error?.inDoubt, false);
  });
}

test("a stopping worker parks a payment that is in doubt, and only that", async () => {
  const again = async ({ store, graph }: Awaited<ReturnType<typeof stopBeside>>) => {
    const { pay, sends } = counted(() => "paid");
    const behaviours = { pay, stop: () => "ok" };
    const resumed = await runGraph({ graph, behaviours, history: store.rows(), execution: { fence: 2 } });
    return [resumed.end, sends()];
  };
  const doubt = await stopBeside("shutdown", sent);
  assert.deepEqual([doubt.end, doubt.row?.status], ["queued", "unknown"]);
  assert.deepEqual(await again(doubt), ["waiting", 0]);
  const unsent = await stopBeside("shutdown", notSent);
  assert.deepEqual([unsent.end, unsent.row?.error?.code], ["queued", "interrupted"]);
  assert.deepEqual(await again(unsent), ["succeeded", 1]);
  const done = await stopBeside("shutdown", committing);
  assert.deepEqual([done.end, await again(done)], ["queued", ["succeeded", 0]]);
});

test("a refusal that comes while the worker stops is the node's failure, and not tried again", async () => {
  const refused: Behaviour = ({ signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(new AppError("http_bad_json", "No JSON")), {
        once: true,
      });
    });
  const { store, graph } = await stopBeside("shutdown", refused);
  const { pay, sends } = counted(() => "paid");
  const resumed = await runGraph({
    graph,
    behaviours: { pay, stop: () => "ok" },
    history: store.rows(),
    execution: { fence: 2 },
  });
  assert.deepEqual([resumed.end, (resumed.error as StepError).code, sends()], ["failed", "http_bad_json", 0]);
});

test("a run that is stopped before its payment begins leaves no doubt behind", async () => {
  const controller = new AbortController();
  const store = createMemoryStore({
    // The commit that announces the payment is under way when the cancel comes.
    delay: async () => controller.abort(new AppError("cancelled", "stop")),
  });
  const { end } = await runGraph({
    graph: draw("start>pay", { pay: { type: "test.effectful" } }),
    behaviours: { pay: () => assert.fail("sent") },
    store,
    signal: controller.signal,
  });
  const row = store.rows().find(({ nodeId }) => nodeId === "pay");
  assert.deepEqual([end, row?.status, row?.error?.inDoubt], ["cancelled", "cancelled", false]);
});
