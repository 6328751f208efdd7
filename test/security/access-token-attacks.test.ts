// Access tokens that somebody made, bent or took from another purpose: 401 for all, in one shape, and no look outside.
import assert from "node:assert/strict";
import { createHmac, createSign, generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import jwt from "jsonwebtoken";
import { startTestApi, type TestApi } from "../support/api.ts";
import { cookieOf, type Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type HttpSink, startHttpSink } from "../support/http-sink.ts";

// What startTestApi signs with: most attacks below have the right key, so that only the rule at stake refuses them.
const SECRET = "0123456789abcdef0123456789abcdef";
const SHAPE = ["code", "detail", "requestId", "status", "title", "type"];

let database: TestDatabase;
let api: TestApi;
let sink: HttpSink;
let person: Person;
let header: Record<string, unknown>;
let claims: Record<string, unknown>;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
  sink = await startHttpSink();
  person = await api.register();
  const parts = jwt.decode(person.token, { complete: true });
  header = { ...parts?.header };
  claims = { ...(parts?.payload as object) };
});
after(async () => {
  await api?.close();
  await sink?.close();
  await database?.drop();
});

type Change = { head?: object; body?: object };

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
const hmac = (text: string, secret: string | Buffer, hash = "sha256") =>
  createHmac(hash, secret).update(text).digest("base64url");

/** The two signed parts of the person's own token but for the change; undefined leaves a field out. */
const parts = ({ head = {}, body = {} }: Change) =>
  `${encode({ ...header, ...head })}.${encode({ ...claims, ...body })}`;

/** Signed by hand, because libraries refuse to sign what is odd. */
function forge(change: Change, secret: string | Buffer = SECRET, hash = "sha256"): string {
  const text = parts(change);
  return `${text}.${hmac(text, secret, hash)}`;
}

async function refuse(why: string, token: string): Promise<void> {
  const reply = await api.request("GET", "/auth/me", { token });
  assert.deepEqual([why, reply.status, reply.body?.code], [why, 401, "unauthenticated"]);
  assert.deepEqual(Object.keys(reply.body).sort(), SHAPE, why);
  assert.match(reply.headers.get("www-authenticate") ?? "", /^Bearer/, why);
}

test("S10: a token holds all it must, lives ten minutes at most, and the forge makes a good one", async () => {
  const types = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"].map((name) => typeof claims[name]);
  assert.deepEqual(types, ["string", "string", "string", "string", "string", "number", "number"]);
  assert.deepEqual([header.typ, header.alg, header.kid], ["at+jwt", "HS256", "test"]);
  assert.ok(Number(claims.exp) - Number(claims.iat) <= 600);
  assert.equal((await api.request("GET", "/auth/me", { token: forge({}) })).status, 200);
});

test("A06: no algorithm, an empty signature, another algorithm, a public key as secret, garbage, 64 KB", async () => {
  for (const alg of ["none", "None", "nOnE", "NONE", "", null, undefined, ["HS256"]]) {
    await refuse(`alg ${alg}, no signature`, `${parts({ head: { alg } })}.`);
    await refuse(`alg ${alg}, a good signature`, forge({ head: { alg } }));
  }
  await refuse("HS256 with an empty signature", `${parts({})}.`);
  await refuse("HS384 by the right secret", forge({ head: { alg: "HS384" } }, SECRET, "sha384"));
  await refuse("HS512 by the right secret", forge({ head: { alg: "HS512" } }, SECRET, "sha512"));
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2_048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  await refuse("HS256 with a public key as its secret", forge({}, publicKey));
  const text = parts({ head: { alg: "RS256" } });
  await refuse("RS256", `${text}.${createSign("sha256").update(text).sign(privateKey, "base64url")}`);
  await refuse("another secret", forge({}, randomBytes(32)));
  await refuse("no secret", forge({}, ""));
  const garbage = ["..", "a.b.c", ".", "a", "null", "{}", `${person.token}.x`, person.token.slice(1)];
  for (const token of garbage) await refuse(token.slice(0, 20), token);
  await refuse(
    "one bit of the claims",
    parts({ body: { sub: randomUUID() } }) + person.token.slice(person.token.lastIndexOf(".")),
  );
});

test("A06: a token of 64 KB is refused before it is read, by whoever reads first", async () => {
  const reply = await api.request("GET", "/auth/me", { token: forge({ body: { x: "y".repeat(65_536) } }) });
  assert.ok([401, 431].includes(reply.status), `${reply.status}`);
  await refuse("8 KB, signed well", forge({ body: { x: "y".repeat(8_000) } }));
});

test("A07: keys that a token brings or names are neither used nor fetched", async () => {
  const url = `${sink.url}/keys`;
  const own = randomBytes(32);
  const jwk = { kty: "oct", k: own.toString("base64url"), alg: "HS256", kid: "own" };
  const heads: Record<string, object> = {
    jku: { jku: url, kid: "own" },
    x5u: { x5u: url, kid: "own" },
    jwk: { jwk, kid: "own" },
    "jwk under our id": { jwk },
    x5c: { x5c: [own.toString("base64")], kid: "own" },
    "a path": { kid: "../../dev/null" },
    SQL: { kid: "' OR 1=1 --" },
    "a prototype": { kid: "__proto__" },
    "a constructor": { kid: "constructor" },
    "a URL": { kid: url },
    none: { kid: undefined },
    null: { kid: null },
    "a list": { kid: ["test"] },
  };
  for (const [why, head] of Object.entries(heads)) {
    for (const secret of [own, "", SECRET]) {
      if (why === "jwk under our id" && secret === SECRET) continue;
      await refuse(`${why}`, forge({ head }, secret));
    }
  }
  await refuse("crit", forge({ head: { crit: ["exp"] } }));
  await refuse("crit of its own", forge({ head: { crit: ["x"], x: 1 } }));
  await refuse("crit with b64", forge({ head: { crit: ["b64"], b64: false } }));
  assert.equal(
    (await api.request("GET", "/auth/me", { token: forge({ head: { jku: url } }) })).status,
    200,
    "ignored",
  );
  assert.deepEqual(sink.requests, []);
});

test("A08: another audience, issuer, type or time", async () => {
  const now = Math.floor(Date.now() / 1_000);
  const bodies: Record<string, object> = {
    "no aud": { aud: undefined },
    "another aud": { aud: "atelier-queues" },
    "aud as object": { aud: { 0: claims.aud } },
    "no iss": { iss: undefined },
    "another iss": { iss: "https://elsewhere.example" },
    "iss with a slash": { iss: `${claims.iss}/` },
    "exp past": { iat: now - 700, exp: now - 1 },
    "exp absent": { exp: undefined },
    "exp null": { exp: null },
    "exp as fraction": { exp: now + 100.5 },
    "exp as text": { exp: String(now + 100) },
    "exp endless": { exp: "Infinity" },
    "iat absent": { iat: undefined },
    "iat long ago, exp far away": { iat: now - 4_000, exp: now + 4_000 },
    "nbf future": { nbf: now + 500 },
    "nbf as text": { nbf: "now" },
    "no jti": { jti: undefined },
    "no sub": { sub: undefined },
    "sub of nobody": { sub: randomUUID() },
    "no sid": { sid: undefined },
    "sid of nothing": { sid: randomUUID() },
    "sid as list": { sid: [claims.sid] },
  };
  for (const [why, body] of Object.entries(bodies)) await refuse(why, forge({ body }));
  for (const typ of ["JWT", "jwt", "rt+jwt", "application/at+jwt", "", null, undefined]) {
    await refuse(`typ ${typ}`, forge({ head: { typ } }));
  }
});

test("A08: another person's session does not carry this person's token", async () => {
  const other = await api.register();
  const { sid } = jwt.decode(other.token) as { sid: string };
  await refuse("mixed", forge({ body: { sid } }));
});

test("A08: a token of one purpose is none of another", async () => {
  const [, refresh = ""] = person.cookie.split("=");
  assert.equal(refresh.length, 43);
  await refuse("refresh token as access token", refresh);
  const opened = await api.request("POST", "/auth/queues-session", { token: person.token, body: {} });
  assert.equal(opened.status, 200, "the first person is the administrator");
  const [, queues = ""] = cookieOf(opened).split("=");
  assert.ok(queues.length > 40);
  await refuse("queues cookie as access token", queues);
  const [name] = person.cookie.split("=");
  for (const token of [person.token, queues]) {
    const reply = await api.request("POST", "/auth/refresh", { cookie: `${name}=${token}` });
    assert.deepEqual([reply.status, reply.body.code], [401, "invalid_refresh_token"]);
  }
  assert.equal(
    (await api.request("GET", "/queues", { cookie: `atelier_queues=${person.token}` })).status,
    401,
  );
});
