// One client is one client however its address is written, and no two are taken for one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { clientNetwork } from "./client-network.ts";

test("A65: an IPv4 address inside IPv6 is counted as itself", () => {
  assert.equal(clientNetwork("198.51.100.1"), "198.51.100.1");
  assert.equal(clientNetwork("::ffff:198.51.100.1"), "198.51.100.1");
  assert.equal(clientNetwork("::FFFF:c633:6401"), "198.51.100.1");
  assert.notEqual(clientNetwork("::ffff:198.51.100.1"), clientNetwork("::ffff:198.51.100.2"));
});

test("A65: IPv6 is counted by its /64", () => {
  const network = clientNetwork("2001:db8:1:2::1");
  assert.equal(clientNetwork("2001:DB8:1:2:ffff:ffff:ffff:ffff"), network);
  assert.equal(clientNetwork("fe80::1%eth0"), clientNetwork("fe80::2"));
  assert.notEqual(clientNetwork("2001:db8:1:3::1"), network);
  assert.notEqual(clientNetwork("::1"), clientNetwork("2001:db8::1"));
});

test("what is no address stands for itself", () => {
  for (const text of ["", "unknown", "1.2.3", "127.1"]) assert.equal(clientNetwork(text), text);
});
