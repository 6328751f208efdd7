// The sample service of the demo: the same answers every time, and one order per idempotency key.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startSampleService } from "../../scripts/sample-service.ts";

test("stock is a function of the article, and orders are counted once per key", async (t) => {
  const service = await startSampleService(0);
  t.after(() => service.stop());
  const get = async <Body extends object>(path: string) =>
    (await (await fetch(service.url + path)).json()) as Body;
  const order = async (key: string | null, body: string) => {
    const headers = new Headers(key === null ? [] : [["Idempotency-Key", key]]);
    const response = await fetch(`${service.url}/orders`, { method: "POST", body, headers });
    return { status: response.status, ...((await response.json()) as { orderId?: string; error?: string }) };
  };

  const stock = await get("/inventory/A-1");
  assert.deepEqual(Object.keys(stock), ["sku", "inStock", "unitPrice", "leadTimeDays"]);
  assert.deepEqual(await get("/inventory/A-1"), stock);
  assert.notDeepEqual({ ...(await get("/inventory/A-2")), sku: "A-1" }, stock);

  const first = await order("key-1", '{"sku":"A-1"}');
  assert.equal(first.status, 201);
  assert.equal((await order("key-1", '{"sku":"A-1"}')).orderId, first.orderId);
  assert.notEqual((await order("key-2", "{}")).orderId, first.orderId);
  assert.notEqual((await order(null, "{}")).orderId, (await order(null, "{}")).orderId);
  assert.equal((await get<{ items: object[] }>("/orders")).items.length, 4);
  assert.equal((await order(null, "{")).status, 400);
  assert.equal((await fetch(`${service.url}/nothing`)).status, 404);
});
