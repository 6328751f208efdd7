// Which errors mean that the whole database is away, and which may be the fault of what was asked of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isDatabaseAway, isDeadlock, isInOthersHands, translateError } from "./translate-error.ts";

const failed = (code: string, message = "") => translateError(Object.assign(new Error(message), { code }));

test("a connection that is lost or refused, a server that goes down or only reads: away", () => {
  for (const code of ["08006", "57P01", "57P03", "53300", "25006", "25P03", "ECONNREFUSED", "ECONNRESET"]) {
    assert.ok(isDatabaseAway(failed(code)), code);
    assert.ok(!isInOthersHands(failed(code)), code);
  }
  assert.ok(isDatabaseAway(translateError(new Error("Connection terminated unexpectedly"))));
  assert.ok(isDatabaseAway(translateError(new Error("Query read timeout"))));
});

test("a lock that was not got, a deadlock, a statement that took too long or too much: there", () => {
  for (const code of ["55P03", "40P01", "40001", "57014", "53100", "53200"]) {
    assert.ok(!isDatabaseAway(failed(code)), code);
    assert.equal(isInOthersHands(failed(code)), /^(55P03|40)/.test(code), code);
    assert.equal(isDeadlock(failed(code)), code.startsWith("40"), code);
  }
  for (const error of [failed("23505"), new Error("ours"), null]) {
    assert.ok(!isDatabaseAway(error));
    assert.ok(!isInOthersHands(error));
  }
});
