// The demo's workflow: prices a purchase order, asks the stock line by line, places the order, sums up.

type DrawnNode = {
  id: string;
  type: string;
  position: { x: number; y: number };
  data: Record<string, unknown>;
};

const articles = [
  ["LAMP-E27", 40, 6.5],
  ["DESK-160", 3, 349],
  ["CHAIR-M", 12, 129.9],
  ["CABLE-5M", 100, 3.2],
  ["SCREEN-27", 6, 289],
  ["DOCK-USBC", 6, 149],
] as const;

export type PurchaseOrder = {
  customer: string;
  limit: number;
  delayMs: number;
  lines: { sku: string; qty: number; price: number }[];
};

/** `price` in euros; an order above `limit` gets a rebate. */
export function makePurchaseOrder(lines: number, delayMs: number): PurchaseOrder {
  return {
    customer: "Nordlicht GmbH",
    limit: 1_000,
    delayMs,
    lines: Array.from({ length: lines }, (_, index) => {
      const [sku, qty, price] = articles[index % articles.length] ?? articles[0];
      return { sku: index < articles.length ? sku : `${sku}-${index}`, qty, price };
    }),
  };
}

const euros = (value: string) => `$round(${value}, 2)`;
// The sample service may be gone for a while together with everything else.
const patient = { retry: { maxAttempts: 8, backoffMs: 500, maxBackoffMs: 5_000 } };

/** `service` null: stock and order number come from transforms instead of HTTP. */
export function drawPurchaseOrder(service: string | null) {
  const query = { delayMs: "{{ input.delayMs }}" };
  const order = {
    customer: "{{ input.customer }}",
    lines: "{{ nodes.together.lines }}",
    total: `{{ ${euros("nodes.totals.total * (100 - nodes.together.terms.rebate) / 100")} }}`,
  };
  const nodes: DrawnNode[] = [
    node("start", "trigger.manual", 0, 0, {}),
    transform("totals", 1, 0, {
      total: `{{ ${euros("$sum(input.lines.(qty * price))")} }}`,
      pieces: "{{ $sum(input.lines.qty) }}",
    }),
    node("large", "flow.condition", 2, 1, { when: "{{ nodes.totals.total > input.limit }}" }),
    transform("rebate", 3, 1, { rebate: 5, reason: "above {{ input.limit }} EUR" }),
    transform("standard", 3, 2, { rebate: 0, reason: "up to {{ input.limit }} EUR" }),
    node("terms", "flow.merge", 4, 1, {}),
    node("lines", "flow.forEach", 2, 0, { items: "{{ input.lines }}", concurrency: 2 }),
    service === null
      ? transform("stock", 3, -1, { body: { inStock: 50, leadTimeDays: 7 } })
      : node("stock", "http.request", 3, -1, { url: `${service}/inventory/{{ item.sku }}`, query }, patient),
    transform("line", 4, -1, {
      sku: "{{ item.sku }}",
      qty: "{{ item.qty }}",
      amount: `{{ ${euros("item.qty * item.price")} }}`,
      delivery:
        "{{ nodes.stock.body.inStock >= item.qty ? 'from stock' : 'in ' & nodes.stock.body.leadTimeDays & ' days' }}",
    }),
    node("together", "flow.merge", 5, 0, {}),
    service === null
      ? transform("order", 6, 0, { body: { orderId: "ord_{{ execution.id }}", received: order } })
      : node(
          "order",
          "http.request",
          6,
          0,
          { method: "POST", url: `${service}/orders`, query, body: order },
          patient,
        ),
    transform("summary", 7, 0, {
      orderId: "{{ nodes.order.body.orderId }}",
      total: "{{ nodes.order.body.received.total }}",
      text:
        "{{ input.customer }} orders {{ nodes.totals.pieces }} pieces for {{ nodes.order.body.received.total }} EUR " +
        "({{ nodes.together.terms.rebate }} % rebate: {{ nodes.together.terms.reason }}).",
      lines: "{{ nodes.together.lines }}",
    }),
  ];
  return { nodes, edges };
}

const edges = [
  ["start", "totals"],
  ["totals", "large"],
  ["large", "rebate", "true"],
  ["large", "standard", "false"],
  ["rebate", "terms"],
  ["standard", "terms"],
  ["totals", "lines"],
  ["lines", "stock", "item"],
  ["stock", "line"],
  ["lines", "together", "done"],
  ["terms", "together"],
  ["together", "order"],
  ["order", "summary"],
].map(([source = "", target = "", sourceHandle]) => ({
  id: `${source}-${target}`,
  source,
  target,
  ...(sourceHandle === undefined ? {} : { sourceHandle }),
}));

function node(
  id: string,
  type: string,
  column: number,
  row: number,
  config: object,
  more: object = {},
): DrawnNode {
  return { id, type, position: { x: column * 220, y: row * 120 }, data: { config, ...more } };
}

function transform(id: string, column: number, row: number, value: object): DrawnNode {
  return node(id, "data.transform", column, row, { value });
}
