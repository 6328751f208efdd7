// Scripts at save: faults with their place, nothing run, `{{` left alone.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createScriptRunner } from "../../script/script-runner.ts";
import { judgeGraph } from "./judge-graph.ts";
import { graph, node } from "./sketch-graph.ts";

const scripts = createScriptRunner({ poolSize: 2 });
after(() => scripts.close());

const judge = async (...sources: string[]) => {
  const nodes = sources.map((source, index) => node(`n${index}`, "code.javascript", { source }));
  const lines = nodes.map(({ id }, index) => `${index === 0 ? "start" : `n${index - 1}`}>${id}`);
  return (await judgeGraph(scripts, graph(nodes, ...lines), "ada")).problems;
};

test("a script that cannot be read is a problem with line, column and position, beside the others", async () => {
  const problems = await judge("return 1", "const a = 1;\nreturn a b;", "return nodes.n1");
  assert.deepEqual(problems, [
    {
      nodeId: "n1",
      path: "nodes.2.data.config.source",
      code: "script_syntax",
      message: "expecting ';' (line 2, column 10)",
      position: 22,
    },
  ]);
});

test("A35: {{ in a script is no expression: neither compiled nor counted nor an excuse for a bad config", async () => {
  assert.deepEqual(await judge("return `{{ 7*7 }} {{ nodes.nobody }} {{ $$$ `"), []);
  const tooLong = `// {{\n${" ".repeat(262_144)}`;
  assert.deepEqual(
    (await judge(tooLong)).map(({ code, path }) => `${code} ${path}`),
    ["bad_config nodes.1.data.config.source"],
  );
  const timed = node("n", "code.javascript", { source: "return 1", timeoutMs: "{{ input.ms }}" });
  assert.deepEqual((await judgeGraph(scripts, graph([timed], "start>n"), "ada")).problems, []);
});

test("scripts that take too long to read are a problem of the graph, not a stuck api", async () => {
  const names = Array.from({ length: 20_000 }, (_, i) => `let v${i}=1;`).join("");
  const problems = await judge(...Array<string>(8).fill(names));
  assert.deepEqual(
    problems.map(({ code, path }) => `${code} ${path}`),
    ["script_limit nodes"],
  );
});
