// The dashboard's token and the access token are no keys to each other's door, and nothing in it can be bent.
import assert from "node:assert/strict";
import { hkdfSync, randomBytes } from "node:crypto";
import { test } from "node:test";
import jwt from "jsonwebtoken";
import { v7 as uuidv7 } from "uuid";
import { createAccessTokens } from "./access-tokens.ts";
import { createQueuesSessionTokens } from "./queues-session.ts";

const secrets = [{ id: "k1", secret: randomBytes(32) }];
const issuer = "http://127.0.0.1:3000";
const session = { userId: uuidv7(), sessionId: uuidv7(), write: false };
const tokens = createQueuesSessionTokens({ secrets, issuer });
const refused = { code: "unauthenticated" };

test("gives back what was signed, and lives ten minutes", () => {
  const { token, expiresIn } = tokens.sign({ ...session, write: true });
  assert.deepEqual(tokens.verify(token), { ...session, write: true });
  assert.equal(expiresIn, 600);
  const { exp = 0, iat = 0 } = jwt.decode(token) as jwt.JwtPayload;
  assert.equal(exp - iat, 600);
});

test("an access token is no dashboard token, and the other way round", () => {
  const access = createAccessTokens({ secrets, issuer });
  assert.throws(() => tokens.verify(access.sign(session).token), refused);
  assert.throws(() => access.verify(tokens.sign(session).token), refused);
});

test("a token signed with the plain secret is refused even when everything it says is right", () => {
  const { header, payload } = jwt.decode(tokens.sign(session).token, { complete: true }) as jwt.Jwt;
  const forged = jwt.sign(payload, secrets[0]?.secret as Buffer, { header });
  assert.throws(() => tokens.verify(forged), refused);
});

test("each thing a token says about itself is checked, even under the right key", () => {
  const key = Buffer.from(hkdfSync("sha256", secrets[0]?.secret as Buffer, "", "atelier-queues", 32));
  const { header, payload } = jwt.decode(tokens.sign(session).token, { complete: true }) as jwt.Jwt;
  const sign = (head: object, claims: object) => {
    const all = Object.entries({ ...(payload as object), ...claims }).filter(
      ([, value]) => value !== undefined,
    );
    return jwt.sign(Object.fromEntries(all), key, { header: { ...header, ...head } });
  };
  assert.deepEqual(tokens.verify(sign({}, {})), session);
  for (const head of [{ typ: "at+jwt" }, { typ: "JWT" }, { crit: ["x"] }, { kid: "k2" }]) {
    assert.throws(() => tokens.verify(sign(head, {})), refused, JSON.stringify(head));
  }
  for (const claims of [
    { aud: "atelier-api" },
    { iss: "x" },
    { write: 1 },
    { sub: "x" },
    { sid: undefined },
    { exp: undefined },
    { iat: 1 },
  ]) {
    assert.throws(() => tokens.verify(sign({}, claims)), refused, JSON.stringify(claims));
  }
});

test("read-only cannot be turned into write, nor a signature be left out", () => {
  const [head, , signature] = tokens.sign(session).token.split(".");
  const claims = jwt.decode(tokens.sign(session).token) as object;
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  assert.throws(() => tokens.verify(`${head}.${encode({ ...claims, write: true })}.${signature}`), refused);
  const none = encode({ alg: "none", typ: "queues+jwt", kid: "k1" });
  assert.throws(() => tokens.verify(`${none}.${encode(claims)}.`), refused);
});

test("other issuers, expired tokens, retired keys and rubbish are refused", () => {
  const other = createQueuesSessionTokens({ secrets, issuer: "http://elsewhere" });
  assert.throws(() => tokens.verify(other.sign(session).token), refused);
  const past = createQueuesSessionTokens({ secrets, issuer, ttlSeconds: -1 });
  assert.throws(() => tokens.verify(past.sign(session).token), refused);
  const retired = createQueuesSessionTokens({ secrets: [{ id: "k0", secret: randomBytes(32) }], issuer });
  assert.throws(() => tokens.verify(retired.sign(session).token), refused);
  for (const rubbish of ["", "a.b.c", "x".repeat(5_000)])
    assert.throws(() => tokens.verify(rubbish), refused);
});

test("a key that was rotated still opens", () => {
  const rotated = [{ id: "k2", secret: randomBytes(32) }, ...secrets];
  const after = createQueuesSessionTokens({ secrets: rotated, issuer });
  assert.deepEqual(after.verify(tokens.sign(session).token), session);
});
