// The workloads.

type DrawnNode = { id: string; type: string; config: object };

/** trigger → transform → condition → transform, as in the table of systems compared. */
export function benchGraph() {
  return draw(
    [
      { id: "start", type: "trigger.manual", config: {} },
      { id: "total", type: "data.transform", config: { value: { total: "{{ input.qty * input.price }}" } } },
      { id: "big", type: "flow.condition", config: { when: "{{ nodes.total.total > 50 }}" } },
      {
        id: "yes",
        type: "data.transform",
        config: { value: { order: "{{ nodes.total.total }}", large: true } },
      },
      {
        id: "no",
        type: "data.transform",
        config: { value: { order: "{{ nodes.total.total }}", large: false } },
      },
    ],
    [
      ["start", "total"],
      ["total", "big"],
      ["big", "yes", "true"],
      ["big", "no", "false"],
    ],
  );
}

export function benchInput(index: number) {
  return { qty: 1 + (index % 10), price: 12.5, customer: `customer-${index % 100}` };
}

/** A run that holds a worker's slot for so long and does nothing. */
export function pauseGraph(ms: number) {
  const nodes = [
    { id: "start", type: "trigger.manual", config: {} },
    { id: "pause", type: "flow.wait", config: { ms } },
  ];
  return draw(nodes, [["start", "pause"]]);
}

/** So many nodes one after the other, the trigger included. */
export function chainGraph(length: number) {
  const nodes = Array.from({ length }, (_, index): DrawnNode => {
    if (index === 0) return { id: "n0", type: "trigger.manual", config: {} };
    const value = index === 1 ? "{{ input.n + 1 }}" : `{{ nodes.n${index - 1} + 1 }}`;
    return { id: `n${index}`, type: "data.transform", config: { value } };
  });
  return draw(
    nodes,
    nodes.slice(1).map((node, index) => [`n${index}`, node.id]),
  );
}

/** One transform per item of input.items. */
export function forEachGraph() {
  return draw(
    [
      { id: "start", type: "trigger.manual", config: {} },
      { id: "each", type: "flow.forEach", config: { items: "{{ input.items }}", concurrency: 10 } },
      { id: "double", type: "data.transform", config: { value: { double: "{{ item * 2 }}" } } },
      { id: "end", type: "data.transform", config: { value: "done" } },
    ],
    [
      ["start", "each"],
      ["each", "double", "item"],
      ["each", "end", "done"],
    ],
  );
}

function draw(nodes: readonly DrawnNode[], edges: readonly (readonly string[])[]) {
  return {
    nodes: nodes.map(({ id, type, config }) => ({ id, type, data: { config } })),
    edges: edges.map(([source, target, sourceHandle]) => ({
      source,
      target,
      ...(sourceHandle === undefined ? {} : { sourceHandle }),
    })),
  };
}
