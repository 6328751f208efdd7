// The end of the demo: the order as a table, or the error, and where to look next.

type Line = { sku: string; qty: number; amount: number; delivery: string };
type Summary = { orderId: string; total: number; text: string; lines: Line[] };

export type EndedExecution = {
  id: string;
  status: string;
  output: Summary | null;
  error: { code: string; message: string; nodeId?: string } | null;
  createdAt: string;
  finishedAt: string | null;
};

export function showExecution(url: string, execution: EndedExecution): string {
  const { id, status, output, error, createdAt, finishedAt } = execution;
  const took = finishedAt === null ? "" : ` after ${Date.parse(finishedAt) - Date.parse(createdAt)} ms`;
  const result =
    output === null ? [`  ${error?.nodeId ?? ""} ${error?.code}: ${error?.message}`] : orderTable(output);
  return [
    `\nThe execution ${status}${took}.\n`,
    ...result,
    "\nWhere to look next (the paths under /api want the Bearer token of POST /auth/login):",
    `  ${url}/docs  all calls`,
    `  ${url}/api/executions/${id}/steps  every node's input and output`,
    `  ${url}/queues  the queue, for administrators`,
  ].join("\n");
}

function orderTable({ orderId, total, text, lines }: Summary): string[] {
  const row = (sku: string, qty: string, amount: string, delivery: string) =>
    `  ${sku.padEnd(14)} ${qty.padStart(5)} ${amount.padStart(12)}  ${delivery}`.trimEnd();
  return [
    `  ${text}\n`,
    row("article", "qty", "EUR", "delivery"),
    ...lines.map((line) => row(line.sku, String(line.qty), line.amount.toFixed(2), line.delivery)),
    row("total", "", total.toFixed(2), `order ${orderId}`),
  ];
}
