import assert from "node:assert/strict";
import { test } from "node:test";
import { readHookResponse } from "./hook-response.ts";

test("what flow.respond made is read as it is, a body that is missing as none", () => {
  const made = { status: 201, headers: { "X-Custom-Order": "7" }, body: { ok: true } };
  assert.deepEqual(readHookResponse(made), made);
  assert.deepEqual(readHookResponse({ status: 204, headers: {} }), { status: 204, headers: {}, body: null });
});

test("A52: what its runner would have refused does not go out either", () => {
  for (const output of [
    null,
    "200",
    {},
    { status: 302, headers: {}, body: "" },
    { status: "200", headers: {}, body: "" },
    { status: 200, body: "" },
    { status: 200, headers: { "Set-Cookie": "a=1" }, body: "" },
    { status: 200, headers: { "x-hook-a": "a\r\nb: c" }, body: "" },
    {
      status: 200,
      headers: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`x-hook-${n}`, ""])),
      body: "",
    },
  ]) {
    assert.equal(readHookResponse(output), null, JSON.stringify(output));
  }
});
