// Clients are told apart by their address also where the server hears IPv4 through IPv6.
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { createServer } from "node:net";
import { test } from "node:test";
import { ATTEMPT_RULES } from "#core/domain/attempt-limits.ts";
import { startTestApi } from "../support/api.ts";
import { createTestDatabase } from "../support/database.ts";

async function hearsIpv6(): Promise<boolean> {
  const probe = createServer().listen(0, "::");
  const [result] = await Promise.race([
    once(probe, "listening").then(() => [true]),
    once(probe, "error").then(() => [false]),
  ]);
  probe.close();
  return result ?? false;
}

const skip = (await hearsIpv6()) ? false : "this machine has no IPv6";

/** A wrong password, sent from one of the machine's own addresses. */
async function guess(port: string, localAddress: string): Promise<number> {
  const body = JSON.stringify({ email: `${randomUUID()}@example.com`, password: "not the password" });
  const options = { host: "127.0.0.1", port, localAddress, method: "POST", path: "/auth/login" };
  const sent = request({ ...options, headers: { "content-type": "application/json" }, agent: false });
  sent.end(body);
  const [reply] = (await once(sent, "response")) as [IncomingMessage];
  reply.resume();
  return reply.statusCode ?? 0;
}

test("A65: a client that used up its attempts is not in the way of another behind the same mapped network", {
  skip,
}, async (t) => {
  const database = await createTestDatabase();
  t.after(() => database.drop());
  const secret = `other:${randomBytes(32).toString("base64url")}`;
  const login = { ...ATTEMPT_RULES.login, client: { points: 2, seconds: 300 } };
  const api = await startTestApi(database.databaseUrl, {
    attemptRules: { ...ATTEMPT_RULES, login },
    environment: {
      HOST: "::",
      PUBLIC_URL: "http://localhost:3000",
      JWT_SECRETS: secret,
      ENCRYPTION_KEYS: secret,
    },
  });
  t.after(() => api.close());
  const { port } = new URL(api.url);
  const first: number[] = [];
  for (let index = 0; index < 3; index++) first.push(await guess(port, "127.0.0.1"));
  assert.deepEqual(first, [401, 401, 429]);
  assert.equal(await guess(port, "127.0.0.2"), 401);
});
