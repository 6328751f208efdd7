import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import jwt from "jsonwebtoken";
import { createAccessTokens } from "./access-tokens.ts";

const first = { id: "k1", secret: randomBytes(32) };
const second = { id: "k2", secret: randomBytes(32) };
const issuer = "http://127.0.0.1:3000";
const tokens = createAccessTokens({ secrets: [first, second], issuer });
const person = { userId: randomUUID(), sessionId: randomUUID() };

type Forgery = { secret?: jwt.Secret; header?: object; payload?: object; options?: jwt.SignOptions };

/** A good token but for what the forgery changes; undefined leaves a claim out. */
function forge({ secret = first.secret, header = {}, payload = {}, options = {} }: Forgery): string {
  const now = Math.floor(Date.now() / 1000);
  const good = {
    sub: person.userId,
    sid: person.sessionId,
    jti: "j",
    iss: issuer,
    aud: "atelier-api",
    iat: now,
    exp: now + 600,
  };
  const fullHeader = { alg: "HS256", typ: "at+jwt", kid: "k1", ...header };
  const claims = JSON.parse(JSON.stringify({ ...good, ...payload }));
  return jwt.sign(claims, secret, { header: fullHeader as jwt.JwtHeader, algorithm: "HS256", ...options });
}

/** Unsigned parts put together by hand, for what a library refuses to make. */
function assemble(header: object, payload: object, signature = ""): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part(header)}.${part(payload)}.${signature}`;
}

function refuses(token: string, why: string): void {
  assert.throws(() => tokens.verify(token), { name: "AppError", code: "unauthenticated" }, why);
}

test("a signed token verifies to the same person, with any of the secrets", () => {
  const { token, expiresIn } = tokens.sign(person);
  assert.equal(expiresIn, 600);
  assert.deepEqual(tokens.verify(token), person);
  assert.deepEqual(tokens.verify(forge({})), person, "the forge makes a good token when asked for no fault");
  const rotated = createAccessTokens({ secrets: [second, first], issuer });
  assert.deepEqual(rotated.verify(token), person);
  assert.deepEqual(tokens.verify(rotated.sign(person).token), person);
});

test("a token of a dropped secret is refused", () => {
  const { token } = tokens.sign(person);
  const later = createAccessTokens({ secrets: [second], issuer });
  assert.throws(() => later.verify(token), { code: "unauthenticated" });
});

test("no algorithm but HS256", () => {
  const claims = jwt.decode(forge({})) as object;
  for (const alg of ["none", "None", "nOnE", "HS256"]) {
    refuses(assemble({ alg, typ: "at+jwt", kid: "k1" }, claims), `${alg} without a signature`);
  }
  refuses(forge({ header: { alg: "HS512" }, options: { algorithm: "HS512" } }), "HS512 by the right secret");
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  refuses(forge({ secret: privateKey, header: { alg: "RS256" }, options: { algorithm: "RS256" } }), "RS256");
});

test("no key but the ones of the map", () => {
  for (const kid of ["../../dev/null", "' OR 1=1", "__proto__", "constructor", "", "k2", undefined, 1]) {
    refuses(forge({ header: { kid } }), `kid ${kid}`);
  }
  refuses(forge({ secret: randomBytes(32) }), "another secret under a known id");
  const foreign = { jku: "http://127.0.0.1:9/k", jwk: { kty: "oct", k: "AA" }, x5u: "http://127.0.0.1:9/x" };
  refuses(forge({ secret: "AA", header: { ...foreign, kid: "k3" } }), "a key the token brings itself");
  refuses(forge({ header: { crit: ["exp"] } }), "critical extensions");
});

test("no other purpose, issuer, audience or type", () => {
  refuses(forge({ header: { typ: "JWT" } }), "typ JWT");
  refuses(forge({ header: { typ: "rt+jwt" } }), "typ of another token");
  refuses(forge({ header: { typ: undefined } }), "no typ");
  refuses(forge({ payload: { aud: "atelier-queues" } }), "audience of another token");
  refuses(forge({ payload: { aud: undefined } }), "no audience");
  refuses(forge({ payload: { iss: "http://elsewhere" } }), "another issuer");
  refuses(forge({ payload: { iss: undefined } }), "no issuer");
});

test("no time but the present", () => {
  const now = Math.floor(Date.now() / 1000);
  refuses(forge({ payload: { exp: now - 1 } }), "expired");
  refuses(forge({ payload: { exp: undefined } }), "eternal");
  refuses(forge({ payload: { iat: now - 4_000, exp: now + 4_000 } }), "older than a token may get");
  refuses(assembleSigned({ exp: "soon" }), "exp as text");
  refuses(assembleSigned({ exp: now + 100.5 }), "exp as fraction");
  refuses(forge({ payload: { nbf: now + 500 } }), "not yet valid");
});

/** For claims that jwt.sign refuses to write. */
function assembleSigned(change: object): string {
  const claims = { ...(jwt.decode(forge({})) as object), ...change };
  return jwt.sign(JSON.stringify(claims), first.secret, {
    header: { alg: "HS256", typ: "at+jwt", kid: "k1" },
    algorithm: "HS256",
  });
}

test("no token without a person and a session", () => {
  for (const payload of [
    { sub: undefined },
    { sid: undefined },
    { sub: "1" },
    { sid: "x" },
    { jti: undefined },
  ]) {
    refuses(forge({ payload }), JSON.stringify(payload));
  }
});

test("garbage is refused like everything else", () => {
  for (const text of ["", "a", "..", "a.b", "a.b.c", "null", `${"x".repeat(65_536)}.e.s`])
    refuses(text, text.slice(0, 9));
  refuses(undefined as unknown as string, "no token at all");
});

test("short or missing secrets refuse to start", () => {
  const short = { id: "k1", secret: randomBytes(31) };
  assert.throws(() => createAccessTokens({ secrets: [short], issuer }), { code: "invalid_config" });
  assert.throws(() => createAccessTokens({ secrets: [], issuer }), { code: "invalid_config" });
});

test("a token that was found good is refused when its time is over, also by who knows it", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  const { token } = tokens.sign(person);
  assert.deepEqual(tokens.verify(token), person);
  t.mock.timers.tick(599_000);
  assert.deepEqual(tokens.verify(token), person);
  t.mock.timers.tick(2_000);
  refuses(token, "expired");
  const tampered = `${token.slice(0, -2)}${token.endsWith("AA") ? "BB" : "AA"}`;
  refuses(tampered, "another signature");
});
