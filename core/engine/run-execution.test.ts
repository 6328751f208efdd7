// Whole runs on small graphs: branches, dead paths, joins, which trigger counts, and what the output is.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { closeEvaluator, draw, Port, runGraph } from "../../test/support/engine.ts";

after(closeEvaluator);

const transform = (value: unknown) => ({ type: "data.transform", config: { value } });

test("the output is that of the last node, and every node is a step", async () => {
  const graph = draw("start>double>text", {
    start: { type: "trigger.manual" },
    double: transform("{{ input.n * 2 }}"),
    text: transform("n is {{ nodes.double }}"),
  });
  const { end, output, steps } = await runGraph({ graph, execution: { input: { n: 21 } } });
  assert.equal(end, "succeeded");
  assert.equal(output, "n is 42");
  assert.deepEqual(steps, ["start[]#1 succeeded", "double[]#1 succeeded", "text[]#1 succeeded"]);
});

test("several branches that end give an object by node id, in the graph's order", async () => {
  const graph = draw("start>a start>b start>c c>d", {
    a: transform(1),
    b: transform(null),
    d: transform("x"),
  });
  const { output } = await runGraph({ graph });
  assert.deepEqual(output, { a: 1, b: null, d: "x" });
  assert.deepEqual(Object.keys(output as object), ["a", "b", "d"]);
});

test("branches run at the same time: each waits for the other to have begun", async () => {
  const begun = { a: Promise.withResolvers<void>(), b: Promise.withResolvers<void>() };
  const { output } = await runGraph({
    graph: draw("start>a start>b a>join b>join", { join: { type: "flow.merge" } }),
    behaviours: {
      a: () => {
        begun.a.resolve();
        return begun.b.promise.then(() => "a");
      },
      b: () => {
        begun.b.resolve();
        return begun.a.promise.then(() => "b");
      },
    },
  });
  assert.deepEqual(output, { a: "a", b: "b" });
});

test("a condition's other branch is dead, and the join runs once with what is left", async () => {
  const ran: string[] = [];
  const note = (context: { nodeId: string }) => void ran.push(context.nodeId);
  const graph = draw("start>if:true>yes>join>end if:false>no>later>join", {
    if: { type: "flow.condition", config: { when: "{{ input > 3 }}" } },
  });
  const behaviours = { yes: note, no: note, later: note, join: note, end: note };
  await runGraph({ graph, behaviours, execution: { input: 5 } });
  assert.deepEqual(ran.splice(0), ["yes", "join", "end"]);
  const { steps } = await runGraph({ graph, behaviours, execution: { input: 1 } });
  assert.deepEqual(ran, ["no", "later", "join", "end"]);
  assert.ok(!steps.some((step) => step.startsWith("yes")), "a dead node leaves no step");
});

test("a merge sees the outputs of the branches that ran, in edge order", async () => {
  const graph = draw("start>slow start>sw sw:b>b sw:default>d slow>join b>join d>join", {
    sw: { type: "flow.switch", config: { value: "{{ input }}", cases: ["a", "b"] } },
    join: { type: "test.pure" },
  });
  const behaviours = {
    slow: () => new Promise((resolve) => setImmediate(resolve)).then(() => "slow"),
    b: () => "b",
    d: () => "d",
    join: (context: { incoming: unknown }) => context.incoming,
  };
  const { output } = await runGraph({ graph, behaviours, execution: { input: "b" } });
  assert.deepEqual(output, [
    { nodeId: "slow", output: "slow" },
    { nodeId: "b", output: "b" },
  ]);
});

test("a node that ended on a port without an edge ends its branch with its output", async () => {
  const graph = draw("start>pick pick:left>next", {});
  const { output, steps } = await runGraph({ graph, behaviours: { pick: () => new Port("right", "here") } });
  assert.equal(output, "here");
  assert.deepEqual(steps, ["start[]#1 succeeded", "pick[]#1 succeeded"]);
});

test("only what the named trigger reaches takes part; the default is trigger.manual", async () => {
  const graph = draw("hook>a a>both start>b b>both", {
    hook: { type: "trigger.manual" },
    start: { type: "trigger.manual" },
    a: transform("{{ 'a' & $string(nodes.b = null) }}"),
    b: transform("b"),
    both: { type: "flow.merge" },
  });
  const named = await runGraph({ graph, execution: { triggerNode: "start" } });
  assert.deepEqual(named.steps, ["start[]#1 succeeded", "b[]#1 succeeded", "both[]#1 succeeded"]);
  const first = await runGraph({ graph });
  assert.deepEqual(
    first.steps.map((step) => step.split("[")[0]),
    ["hook", "a", "both"],
  );
});

test("a trigger the workflow does not have fails the execution with no_trigger", async () => {
  const { end, error } = await runGraph({ graph: draw("start>a"), execution: { triggerNode: "a" } });
  assert.equal(end, "failed");
  assert.equal((error as { code: string }).code, "no_trigger");
});

test("a failure stops the other branches, cancels their effects and names its node", async () => {
  const begun = Promise.withResolvers<void>();
  let aborted: unknown;
  const { end, error, steps } = await runGraph({
    graph: draw("start>bad start>effect effect>never", { effect: { type: "test.idempotent" } }),
    behaviours: {
      bad: async () => {
        await begun.promise;
        throw new Error("no luck");
      },
      effect: ({ signal }) => {
        begun.resolve();
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            aborted = signal.reason;
            reject(signal.reason);
          });
        });
      },
    },
  });
  assert.equal(end, "failed");
  assert.deepEqual(error, { code: "node_failed", message: "no luck", nodeId: "bad" });
  assert.equal((aborted as { code: string }).code, "branch_failed");
  assert.ok(steps.includes("effect[]#1 cancelled"), steps.join());
  assert.ok(!steps.some((step) => step.startsWith("never")));
});

test("a chain of 2,000 nodes runs to its end", async () => {
  const ids = Array.from({ length: 1_999 }, (_, index) => `n${index}`);
  const drawing = ids.map((id, index) => `${ids[index - 1] ?? "start"}>${id}`).join(" ");
  const sum: Record<string, () => number> = {};
  let count = 0;
  for (const id of ids.slice(0, 1_998)) sum[id] = () => ++count;
  const { end, output, store } = await runGraph({ graph: draw(drawing, {}), behaviours: sum });
  assert.equal(end, "succeeded");
  assert.equal(output, null);
  assert.equal(count, 1_998);
  assert.equal(store.rows().length, 2_000);
});

test("2,000 nodes side by side run, each once", async () => {
  const ids = Array.from({ length: 1_998 }, (_, index) => `n${index}`);
  const graph = draw(ids.map((id) => `start>${id} ${id}>join`).join(" "), { join: { type: "test.pure" } });
  const { output } = await runGraph({
    graph,
    behaviours: { join: ({ incoming }) => incoming.length },
  });
  assert.equal(output, 1_998);
});
