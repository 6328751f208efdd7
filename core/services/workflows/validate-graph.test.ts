import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileGraph } from "../../domain/compile-graph.ts";
import { faults, graph, line, loop, messageOf, node, start, value } from "./sketch-graph.ts";
import { validateGraph } from "./validate-graph.ts";

test("the graph of the contract has no problem", () => {
  const candidate = {
    nodes: [
      start,
      value("total", { total: "{{ input.qty * input.price }}" }),
      node("big", "flow.condition", { when: "{{ nodes.total.total > 50 }}" }),
      node("call", "http.request", {
        url: "https://x.test/{{ nodes.start.id }}",
        timeoutMs: "{{ input.ms }}",
      }),
    ],
    edges: [
      { id: "e1", source: "start", target: "total" },
      { id: "e2", source: "total", target: "big", sourceHandle: "out", targetHandle: null },
      { id: "e3", source: "big", sourceHandle: "true", target: "call" },
    ],
    settings: { timeoutMs: 60_000 },
  };
  const { graph: read, problems } = validateGraph(candidate);
  assert.deepEqual(problems, []);
  assert.deepEqual(read, candidate);
});

test("what is no graph at all is a problem, never an exception", () => {
  for (const candidate of [null, undefined, 5, "x", [], {}, { nodes: {} }, { nodes: [], edges: [] }]) {
    const { graph: read, problems } = validateGraph(candidate);
    assert.equal(read, null);
    assert.ok(problems.length > 0);
  }
  assert.deepEqual(faults({ nodes: [start] }), ["missing_field edges -"]);
});

test("faults of shape and of structure come together, each with its place", () => {
  const candidate = {
    nodes: [
      start,
      { ...value("a", 1, { retry: { maxAttempts: 0 }, timeoutMs: 0, onErr: 1 }), data2: 1 },
      { id: "b", type: 5 },
      value("lost"),
    ],
    edges: [line("start>a"), line("a>b"), line("b>a")],
    setings: {},
  };
  assert.deepEqual(faults(candidate), [
    "bad_field nodes.1.data.retry.maxAttempts a",
    "bad_field nodes.1.data.timeoutMs a",
    "unknown_field nodes.1.data.onErr a",
    "bad_field nodes.2.type b",
    "unknown_field setings -",
    "cycle nodes.1 a",
    "unreachable_node nodes.3 lost",
  ]);
  assert.equal(messageOf(candidate, "bad_field"), '"maxAttempts" must be at least 1');
});

test("names: bad, taken, and unknown types", () => {
  const candidate = {
    nodes: [
      start,
      value("1a"),
      value("a b"),
      value("__proto__"),
      value("x"),
      value("x"),
      node("t", "data.transfrom", {}),
    ],
    edges: ["start>1a", "start>a b", "start>__proto__", "start>x", "start>t"].map(line),
  };
  assert.deepEqual(faults(candidate), [
    "bad_node_id nodes.1.id 1a",
    "bad_node_id nodes.2.id a b",
    "bad_node_id nodes.3.id __proto__",
    "duplicate_node_id nodes.5.id x",
    "unknown_node_type nodes.6.type t",
  ]);
});

test("nodes called like members of Object are nodes like others", () => {
  const nodes = [
    value("constructor"),
    value("hasOwnProperty", "{{ nodes.constructor }}"),
    value("toString", "{{ nodes.valueOf }}"),
  ];
  assert.deepEqual(
    faults(graph(nodes, "start>constructor", "constructor>hasOwnProperty", "start>toString")),
    ["unknown_reference nodes.3.data.config.value toString"],
  );
  assert.deepEqual(faults(graph([node("n", "constructor", {})], "start>n")), [
    "unknown_node_type nodes.1.type n",
  ]);
});

test("edges: dangling, to itself, double", () => {
  const candidate = graph([value("a")], "start>a", "start:out>a", "a>a", "a>zz", "yy>a");
  assert.deepEqual(faults(candidate), [
    "duplicate_edge edges.1 start",
    "self_edge edges.2 a",
    "dangling_edge edges.3.target -",
    "dangling_edge edges.4.source -",
  ]);
  const behind = graph([value("a"), value("b", "{{ nodes.c }}"), value("c")], "start>a", "a>a", "a>b", "a>c");
  assert.deepEqual(faults(behind), [
    "self_edge edges.1 a",
    "reference_not_upstream nodes.2.data.config.value b",
  ]);
  const ids = {
    ...graph([value("a"), value("b")]),
    edges: [
      { id: "e", ...line("start>a") },
      { id: "e", ...line("start>b") },
    ],
  };
  assert.deepEqual(faults(ids), ["duplicate_edge_id edges.1.id -"]);
});

test("ports: unknown, missing where there are several, into a trigger, out of an end", () => {
  const nodes = [
    node("if", "flow.condition", { when: 1 }),
    node("end", "flow.fail", { message: "x" }),
    value("a"),
  ];
  const candidate = graph(
    nodes,
    "start>if",
    "if>end",
    "if:maybe>a",
    "if:true>a",
    "end>a",
    "a>start",
    "a:error>end",
  );
  assert.deepEqual(
    faults(candidate).filter((fault) => !fault.startsWith("cycle")),
    [
      "missing_port edges.1.sourceHandle if",
      "unknown_port edges.2.sourceHandle if",
      "missing_port edges.4.sourceHandle end",
      "edge_into_trigger edges.5.target start",
      "unknown_port edges.6.sourceHandle a",
    ],
  );
  assert.match(messageOf(candidate, "missing_port"), /true, false/);
  const dead = graph(nodes, "start>end", "end>a");
  assert.match(messageOf(dead, "missing_port"), /^"end" has no outgoing port.*remove the edge$/);
});

test("the ports of flow.switch are its cases, fixed, different, and none of them reserved", () => {
  const ports = (cases: unknown, ...lines: string[]) =>
    faults(
      graph(
        [node("s", "flow.switch", { value: 1, cases }), value("a"), value("b")],
        "start>s",
        "start>a",
        "start>b",
        ...lines,
      ),
    );
  assert.deepEqual(
    ports(["x", { port: "big", equals: "{{ input.n }}" }], "s:x>a", "s:big>b", "s:default>b"),
    [],
  );
  assert.deepEqual(ports(["x"], "s:y>a"), ["unknown_port edges.3.sourceHandle s"]);
  for (const bad of [
    ["x", "x"],
    ["default"],
    ["error"],
    ["{{ input.p }}"],
    [{ port: "{{ 1 }}", when: 1 }],
    "{{ input.cases }}",
  ]) {
    assert.deepEqual(ports(bad), ["bad_port nodes.1.data.config s"], JSON.stringify(bad));
  }
  assert.deepEqual(ports([]), ["bad_config nodes.1.data.config.cases s"]);
});

test("onError error opens port error, and asks for an edge from it", () => {
  const risky = value("a", 1, { onError: "error" });
  assert.deepEqual(faults(graph([risky, value("b"), value("c")], "start>a", "a>b", "a:error>c")), []);
  assert.deepEqual(faults(graph([risky, value("b")], "start>a", "a>b")), [
    "missing_error_edge nodes.1.data.onError a",
  ]);
  const trigger = node("t", "trigger.manual", {}, { onError: "error" });
  assert.deepEqual(faults(graph([trigger, value("b")], "t:error>b")), [
    "unknown_port edges.0.sourceHandle t",
  ]);
});

test("onError continue is for nodes with one way on: by which of several a failure leaves is for the author to say", () => {
  const on = { onError: "continue" };
  const check = node("check", "flow.condition", { when: true }, on);
  assert.deepEqual(
    faults(graph([check, value("yes"), value("no")], "start>check", "check:true>yes", "check:false>no")),
    ["ambiguous_continue nodes.1.data.onError check"],
  );
  const ask = node("ask", "flow.approval", { message: "Pay?" }, on);
  assert.deepEqual(faults(graph([ask, value("pay")], "start>ask", "ask:approved>pay")), [
    "ambiguous_continue nodes.1.data.onError ask",
  ]);
  const each = node("each", "flow.forEach", { items: [1] }, on);
  assert.deepEqual(
    faults(graph([each, value("a"), value("b")], "start>each", "each:item>a", "each:done>b")),
    [],
  );
});

test("no trigger is one problem; what no trigger reaches is one each", () => {
  assert.deepEqual(faults({ nodes: [value("a"), value("b")], edges: [] }), ["no_trigger nodes -"]);
  assert.deepEqual(faults(graph([value("a"), value("b")], "a>b")), [
    "unreachable_node nodes.1 a",
    "unreachable_node nodes.2 b",
  ]);
  const mistyped = { nodes: [node("t", "trigger.manuel", {}), value("a")], edges: [line("t>a")] };
  assert.deepEqual(faults(mistyped), ["unknown_node_type nodes.0.type t"]);
});

test("each ring of a cyclic graph is named once", () => {
  const nodes = ["a", "b", "c", "d"].map((id) => value(id, `{{ nodes.${id} }}`));
  const candidate = graph(nodes, "start>a", "a>b", "b>a", "b>c", "c>d", "d>c");
  assert.deepEqual(faults(candidate), ["cycle nodes.1 a", "cycle nodes.3 c"]);
  assert.match(messageOf(candidate, "cycle"), /a → b → a/);
});

test("loops: an edge out of the body or into it is refused, an empty body is not", () => {
  const nodes = [loop("each"), value("body"), value("after")];
  const lines = ["start>each", "each:item>body", "each:done>after"];
  assert.deepEqual(faults(graph(nodes, ...lines)), []);
  assert.deepEqual(faults(graph(nodes, ...lines, "body>after")), ["loop_body_edge edges.3 after"]);
  assert.deepEqual(faults(graph(nodes, ...lines, "start>body")), ["loop_body_edge edges.1 body"]);
  assert.deepEqual(faults(graph([loop("each"), value("x")], "start>each", "each:item>x", "each:done>x")), [
    "loop_body_edge edges.1 x",
  ]);
  assert.deepEqual(
    faults(
      graph([loop("one"), loop("two"), value("x")], "start>one", "start>two", "one:item>x", "two:item>x"),
    ),
    ["loop_body_edge edges.2 x"],
  );
  assert.deepEqual(faults(graph([loop("each"), value("after")], "start>each", "each:done>after")), []);
});

test("a credential slot the type does not have is named", () => {
  const credentials = {
    auth: "0190a000-0000-7000-8000-000000000000",
    constructor: "0190a000-0000-7000-8000-000000000000",
  };
  assert.deepEqual(faults(graph([value("a", 1, { credentials })], "start>a")), [
    "unknown_credential_slot nodes.1.data.credentials.auth a",
    "unknown_credential_slot nodes.1.data.credentials.constructor a",
  ]);
});

test("text the database cannot hold, keys no object can hold and bottomless nesting are refused", () => {
  let deep: unknown = 1;
  for (let level = 0; level < 50_000; level++) deep = { a: deep };
  for (const bad of ["\u0000", "\ud800", { "\u0000": 1 }, deep]) {
    const found = faults(graph([value("a", bad)], "start>a"));
    assert.equal(found.length, 1);
    assert.match(found[0] ?? "", /^bad_text nodes\.1\.data\.config\.value/);
  }
});

test("too many nodes or edges are one clear problem, too many problems are counted", () => {
  const many = { nodes: Array.from({ length: 10_000 }, (_, n) => value(`n${n}`)), edges: [] };
  assert.deepEqual(faults(many), ["too_many_nodes nodes -"]);
  assert.match(messageOf(many, "too_many_nodes"), /10000 nodes, at most 2000/);
  assert.deepEqual(faults({ nodes: [start], edges: Array(10_001).fill(line("a>b")) }), [
    "too_many_edges edges -",
  ]);
  const lost = graph(Array.from({ length: 1_000 }, (_, n) => value(`n${n}`)));
  assert.equal(faults(lost).length, 201);
  assert.match(messageOf(lost, "too_many_problems"), /1000 problems/);
});

test("never throws, whatever JSON comes; and what it accepts has an order that holds every node", () => {
  const id = fc.constantFrom("a", "b", "c", "constructor", "", "1");
  const type = fc.constantFrom("trigger.manual", "data.transform", "flow.forEach", "flow.switch", "nope");
  const handle = fc.constantFrom("out", "item", "done", "error", "x");
  const config = fc.dictionary(
    fc.constantFrom("value", "items", "cases"),
    fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom("{{ item }}", "{{ nodes.a }}", "{{ (", "{{", ["x", "x"]),
    ),
  );
  const data = fc.record({ config, onError: fc.constantFrom("error", "fail", 7) }, { requiredKeys: [] });
  const drawn = fc.record({
    nodes: fc.array(fc.record({ id, type, data }, { requiredKeys: ["id"] }), { maxLength: 5 }),
    edges: fc.array(
      fc.record({ source: id, target: id, sourceHandle: handle }, { requiredKeys: ["source", "target"] }),
      { maxLength: 6 },
    ),
  });
  fc.assert(
    fc.property(
      fc.oneof(drawn, fc.jsonValue(), fc.dictionary(fc.constantFrom("nodes", "edges"), fc.jsonValue())),
      (json) => {
        const { graph: read, problems } = validateGraph(json);
        assert.ok(read !== null || problems.length > 0);
        if (read && problems.length === 0) assert.equal(compileGraph(read).order.length, read.nodes.length);
      },
    ),
    { numRuns: 500 },
  );
});

test("pins: one that is too large, one of a node that leaves by several ports", () => {
  const nodes = [
    value("a", 1, { pinned: "x".repeat(1_048_575) }),
    node("if", "flow.condition", { when: 1 }, { pinned: true }),
  ];
  assert.deepEqual(faults(graph(nodes, "start>a", "a>if")), [
    "pinned_too_large nodes.1.data.pinned a",
    "pinned_port nodes.2.data.pinned if",
  ]);
});
