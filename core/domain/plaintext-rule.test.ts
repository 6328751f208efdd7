// TLS off this host: what passes is what the drivers really encrypt, whatever else stands in the URL.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Redis } from "ioredis";
import { Client } from "pg";
import { postgresPlaintextFault, redisPlaintextFault } from "./plaintext-rule.ts";

const FAR = "db.example.net";

const LOCAL = [
  "postgresql://u:p@localhost/d",
  "postgres://u:p@LOCALHOST:5433/d",
  "postgresql://u:p@127.0.0.1/d",
  "postgresql://u:p@127.9.8.7/d",
  "postgresql://u:p@[::1]:5432/d",
  "postgresql://u:p@%2Frun%2Fpostgresql/d",
  "postgresql:///d?host=/run/postgresql&user=u",
  `postgresql://u:p@${FAR}/d?host=127.0.0.1`,
  "postgresql:///d",
];

const IN_PLAIN = [
  `postgresql://u:p@${FAR}/d`,
  "postgresql://u:p@10.0.0.1/d",
  "postgresql://u:p@127.0.0.1.example.net/d",
  "postgresql://u:p@localhost.example.net/d",
  "postgresql://u:p@[::2]/d",
  `postgresql://u:p@localhost,${FAR}/d`,
  `postgresql://u:p@localhost/d?host=${FAR}`,
  `postgresql://u:p@localhost/d?host=localhost&host=${FAR}`,
  `postgresql://u:p@localhost/d?host=localhost,${FAR}`,
  `postgresql://u:p@%2Frun%2Fpostgresql/d?host=${FAR}`,
  `postgresql://u:p@localhost/d?%68ost=${FAR}`,
  `postgresql://u:p@${FAR}/d?sslmode=disable`,
  `postgresql://u:p@${FAR}/d?sslmode=require&sslmode=disable`,
  `postgresql://u:p@${FAR}/d?ssl=true&sslmode=disable`,
  `postgresql://u:p@${FAR}/d?uselibpqcompat=true&sslmode=disable`,
  `postgresql://u:p@${FAR}/d?ssl=0`,
  `postgresql://u:p@${FAR}/d?ssl=`,
];

const ENCRYPTED = ["sslmode=require", "sslmode=verify-ca", "sslmode=verify-full", "ssl=true", "ssl=1"].map(
  (parameter) => `postgresql://u:p@${FAR}/d?${parameter}`,
);

for (const url of LOCAL) {
  test(`${url} stays on this host`, () => {
    assert.equal(postgresPlaintextFault(url, []), null);
    const { host } = new Client({ connectionString: url });
    assert.match(host, /^(localhost|127\.[\d.]+|::1|\/.*)$/i, "pg reads it otherwise");
  });
}

for (const url of IN_PLAIN) {
  test(`${url} is refused`, () => {
    const fault = postgresPlaintextFault(url, ["other.example.net", "example.net"]);
    assert.match(fault ?? "", /ALLOW_PLAINTEXT/);
    const { host, ssl } = new Client({ connectionString: url });
    assert.ok(!ssl, "pg would encrypt it");
    assert.equal(postgresPlaintextFault(url, ["other.example.net", host]), null, "its name allows it");
  });
}

for (const url of ENCRYPTED) {
  test(`${url} is encrypted`, () => {
    assert.equal(postgresPlaintextFault(url, []), null);
    const { ssl } = new Client({ connectionString: url }) as { ssl: unknown };
    assert.ok(ssl === true || (typeof ssl === "object" && ssl), String(ssl));
  });
}

test("modes that may fall back or check nothing do not count as TLS", () => {
  for (const parameter of ["sslmode=prefer", "sslmode=allow", "sslmode=no-verify", "ssl=no-verify"]) {
    assert.ok(postgresPlaintextFault(`postgresql://u:p@${FAR}/d?${parameter}`, []), parameter);
  }
});

test("what the URL leaves open comes from the environment, as in pg", () => {
  assert.ok(postgresPlaintextFault("postgresql:///d", [], { PGHOST: FAR }));
  const url = `postgresql://u:p@${FAR}/d`;
  assert.equal(postgresPlaintextFault(url, [], { PGSSLMODE: "verify-full" }), null);
  assert.ok(postgresPlaintextFault(`${url}?ssl=`, [], { PGSSLMODE: "verify-full" }));
  assert.ok(postgresPlaintextFault(`${url}?ssl=0`, [], { PGSSLMODE: "verify-full" }));
});

test("a URL that pg would encode again is refused", () => {
  for (const url of ["postgresql://u:p w@localhost/d", "postgresql://u:5%zz@localhost/d"]) {
    assert.match(postgresPlaintextFault(url, []) ?? "", /%20/);
  }
});

test("blanks around a URL are none of it", () => {
  assert.equal(postgresPlaintextFault(" postgresql://u:p@localhost/d\n", []), null);
  assert.equal(redisPlaintextFault(` rediss://${FAR}\n`, []), null);
});

test("an allowed host is found in any case, with and without brackets", () => {
  assert.equal(postgresPlaintextFault(`postgresql://u:p@${FAR}/d`, [FAR.toUpperCase()]), null);
  assert.equal(postgresPlaintextFault("postgresql://u:p@[fd00::1]/d", ["fd00::1"]), null);
  assert.equal(redisPlaintextFault("redis://[fd00::1]/0", ["[fd00::1]"]), null);
});

test("Redis off this host needs rediss:", () => {
  for (const url of [
    "redis://localhost",
    "redis://127.0.0.1:6380/2?family=4",
    "redis://:p@[::1]",
    `rediss://${FAR}`,
  ]) {
    assert.equal(redisPlaintextFault(url, []), null, url);
  }
  for (const url of [`redis://${FAR}`, `redis://:p@${FAR}:6379/0`, `REDISS://${FAR}`]) {
    assert.match(redisPlaintextFault(url, []) ?? "", /rediss:.*ALLOW_PLAINTEXT/, url);
    assert.equal(redisPlaintextFault(url, [FAR]), null, url);
    const redis = new Redis(url, { lazyConnect: true });
    assert.ok(!redis.options.tls, "ioredis would encrypt it");
  }
});

test("parameters cannot lead ioredis elsewhere or out of TLS", () => {
  for (const url of [`redis:///0?host=${FAR}`, `rediss://${FAR}?tls=`, "redis://localhost?sentinels=x"]) {
    assert.match(redisPlaintextFault(url, []) ?? "", /parameters/, url);
  }
});
