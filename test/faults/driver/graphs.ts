// What the scenarios run.
import type { DrawnNode } from "../../support/workflows.ts";

/** A POST to the sink at `/path/<n>`, n being the execution's `input.n`. */
export function effect(
  sinkUrl: string,
  path: string,
  { config = {}, data = {} }: { config?: Record<string, unknown>; data?: Record<string, unknown> } = {},
): DrawnNode {
  const url = `{{ '${sinkUrl}/${path}/' & input.n }}`;
  const id = `call_${path.replace(/\W/g, "_")}`;
  return { id, type: "http.request", config: { method: "POST", url, ...config }, data };
}

/**
 * Every node type of the platform that ends by itself and in one claim; five HTTP effects, three of them in a loop.
 * `postgres` is a credential for a database to read from, which adds a sixth effect. What suspends or must not be repeated has
 * scenarios of its own.
 */
export function everyKind(sinkUrl: string, postgres?: string) {
  const node = (id: string, type: string, config: Record<string, unknown> = {}, data = {}) => ({
    id,
    type,
    data: { config, ...data },
  });
  const rows = { query: "select $1::int * 2 as twice", params: ["{{ input.n }}"] };
  const asked = postgres
    ? node("asked", "sql.query", rows, { credentials: { postgres } })
    : node("asked", "data.transform", { value: "{{ input.n }}" });
  const call = (name: string) => node(name, "http.request", effect(sinkUrl, name).config);
  return {
    nodes: [
      node("start", "trigger.manual"),
      node("total", "data.transform", { value: "{{ input.n * 2 }}" }),
      node("script", "code.javascript", { source: "return [1, 2, 3].map((n) => n + nodes.total);" }),
      // So short that it is slept where it is.
      node("pause", "flow.wait", { ms: 20 }),
      asked,
      call("first"),
      node("each", "flow.forEach", { items: "{{ nodes.script }}", concurrency: 2 }),
      call("item"),
      node("even", "flow.condition", { when: "{{ nodes.total >= 0 }}" }),
      node("kind", "flow.switch", { value: "{{ 'a' }}", cases: ["a", "b"] }),
      node("merged", "flow.merge"),
      call("last"),
    ],
    edges: [
      { source: "start", target: "total" },
      { source: "total", target: "script" },
      { source: "script", target: "pause" },
      { source: "pause", target: "asked" },
      { source: "asked", target: "first" },
      { source: "first", target: "each" },
      { source: "each", sourceHandle: "item", target: "item" },
      { source: "each", sourceHandle: "done", target: "even" },
      { source: "even", sourceHandle: "true", target: "kind" },
      { source: "kind", sourceHandle: "a", target: "merged" },
      { source: "kind", sourceHandle: "b", target: "merged" },
      { source: "merged", target: "last" },
    ],
  };
}
