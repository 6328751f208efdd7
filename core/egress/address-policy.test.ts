// A40, A46, A48 at the level of addresses: every special range is refused, every public one passes.
import assert from "node:assert/strict";
import test from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import { createAddressPolicy } from "./address-policy.ts";

const isDenied = (error: unknown) =>
  error instanceof AppError && error.code === "egress_denied" && !error.retryable;
const policy = createAddressPolicy({ allowPrivate: [] });
const check = (address: string, port = 443) => policy.checkAddress({ hostname: "name.test", address, port });

const REFUSED = {
  "this host": ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "::", "::1"],
  private: ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456::1"],
  "link and site local": ["169.254.1.1", "fe80::1", "fe80::1%lo", "fec0::1", "feff::1"],
  "shared and test": [
    "100.64.0.1",
    "100.127.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "192.0.2.1",
    "198.51.100.1",
  ],
  "documentation and reserved": [
    "203.0.113.7",
    "2001:db8::1",
    "3fff::1",
    "240.0.0.1",
    "255.255.255.255",
    "5f00::1",
  ],
  "multicast and discard": ["224.0.0.1", "239.255.255.255", "ff02::1", "100::1"],
  metadata: ["169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"],
  "IPv4 inside IPv6": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::8.8.8.8", "::ffff:0:7f00:1"],
  "IPv4 behind a translator": ["64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::"],
  "metadata inside IPv6": ["::ffff:168.63.129.16", "::ffff:a9fe:a9fe", "64:ff9b::a83f:8110"],
  "never handed out as public": ["4000::1", "8000::1", "fe00::1"],
  "no address": ["", "localhost", "017700000001", "0x7f.1", "2130706433", "127.1"],
};

for (const [kind, addresses] of Object.entries(REFUSED)) {
  test(`A40 ${kind} is refused`, () => {
    for (const address of addresses) assert.throws(() => check(address), isDenied, address);
  });
}

test("public addresses pass, beside the edges of the refused ranges", () => {
  for (const address of ["8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0"])
    check(address);
  for (const address of [
    "100.63.255.255",
    "100.128.0.0",
    "168.63.129.15",
    "169.253.255.255",
    "223.255.255.255",
  ]) {
    check(address);
  }
  for (const address of ["2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"]) check(address);
});

test("A46 the ports of mail, PostgreSQL and Redis are refused even on public addresses", () => {
  for (const port of [25, 5432, 6379]) assert.throws(() => check("8.8.8.8", port), isDenied);
  check("8.8.8.8", 5433);
});

test("an allowed pair opens that pair only, by name or by address", () => {
  const open = createAddressPolicy({ allowPrivate: ["10.0.0.5:8080", "db.test:5432"] });
  open.checkAddress({ hostname: "any.test", address: "10.0.0.5", port: 8080 });
  open.checkAddress({ hostname: "any.test", address: "::ffff:10.0.0.5", port: 8080 });
  open.checkAddress({ hostname: "DB.test.", address: "10.0.0.6", port: 5432 });
  for (const target of [
    { hostname: "any.test", address: "10.0.0.5", port: 8081 },
    { hostname: "any.test", address: "10.0.0.6", port: 8080 },
    { hostname: "other.test", address: "10.0.0.6", port: 5432 },
    { hostname: "db.test", address: "10.0.0.6", port: 80 },
  ]) {
    assert.throws(() => open.checkAddress(target), isDenied);
  }
});

test("A48 this host's public address is refused, and the list is asked anew each time", () => {
  let own: string[] = [];
  const changing = createAddressPolicy({ allowPrivate: ["8.8.4.4:81"], ownAddresses: () => own });
  const target = { hostname: "me.test", address: "8.8.4.4", port: 80 };
  changing.checkAddress(target);
  own = ["::ffff:8.8.4.4", "2606:4700::1"];
  assert.throws(() => changing.checkAddress(target), isDenied);
  assert.throws(() => changing.checkAddress({ ...target, address: "2606:4700:0:0::1" }), isDenied);
  changing.checkAddress({ ...target, port: 81 });
  changing.checkAddress({ ...target, address: "8.8.8.8" });
});

test("a refusal does not tell what the name resolved to", () => {
  assert.throws(
    () => policy.checkAddress({ hostname: "inner.test", address: "10.20.30.40", port: 80 }),
    (error) => error instanceof AppError && !JSON.stringify([error.message, error.details]).includes("10.20"),
  );
});

test("A46 a port of one's own is open in public only, and opens no other", () => {
  const { checkAddress } = createAddressPolicy({ allowPrivate: [], ownPorts: [5432] });
  checkAddress({ hostname: "db.test", address: "3ffe::1", port: 5432 });
  for (const [address, port] of [
    ["3ffe::1", 25],
    ["3ffe::1", 6379],
    ["127.0.0.1", 5432],
    ["10.0.0.1", 5432],
  ] as const) {
    assert.throws(
      () => checkAddress({ hostname: "db.test", address, port }),
      { code: "egress_denied" },
      address,
    );
  }
});
