// ref.env, ref.file and ref.vault: what they may reach, and what becomes of it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { readSecretVariable } from "#core/config.ts";
import { createEgress, type Egress } from "#core/egress/http-client.ts";
import { type EchoServer, startEchoServer } from "../test/support/echo-server.ts";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { createReferenceResolver, type ReferenceResolver } from "./resolve-reference.ts";

const BEARER = { type: "http.bearer" };
const { signal } = new AbortController();

let vault: EchoServer;
let egress: Egress;
let folder: string;
let references: ReferenceResolver;

before(async () => {
  vault = await startEchoServer("of-the-vault");
  egress = createEgress({ allowPrivate: [vault.address] });
  const outside = temporaryFolder({ after });
  folder = path.join(outside, "secrets");
  mkdirSync(path.join(folder, "deep"), { recursive: true });
  mkdirSync(path.join(outside, "secrets-beside"));
  writeFileSync(path.join(outside, "outside"), "of somebody else");
  writeFileSync(path.join(outside, "secrets-beside", "outside"), "of somebody else");
  writeFileSync(path.join(folder, "deep", "key"), "of-the-file\r\n");
  writeFileSync(path.join(folder, "two-lines"), "a\nb\n");
  writeFileSync(path.join(folder, "empty"), "\n");
  writeFileSync(path.join(folder, "binary"), Buffer.from([0xff, 0xfe]));
  writeFileSync(path.join(folder, "big"), "x".repeat(65_537));
  symlinkSync("deep/key", path.join(folder, "link-inside"));
  symlinkSync("../outside", path.join(folder, "link-outside"));
  symlinkSync("..", path.join(folder, "folder-outside"));
  execFileSync("mkfifo", [path.join(folder, "pipe")]);
  const variables = { ATELIER_SECRET_KEY: "of-the-environment", PATH: "/bin" };
  references = createReferenceResolver({
    readVariable: (name) => readSecretVariable(name, variables),
    secretsDir: folder,
    http: egress,
  });
});

after(async () => {
  await egress?.close();
  await vault?.close();
});

const read = (type: string, data: Record<string, unknown>) =>
  references.resolve({ type, data: { as: BEARER, ...data } }, signal);
const file = (name: string) => read("ref.file", { path: name });
const entry = (given: Record<string, unknown> = {}) =>
  read("ref.vault", {
    url: `${vault.url}/vault/`,
    mount: "kv",
    path: "a/b",
    field: "key",
    token: "t-4711",
    ...given,
  });

test("a reference stands for a credential of the type it names, with its value in the secret's place", async () => {
  assert.deepEqual(await read("ref.env", { name: "ATELIER_SECRET_KEY" }), {
    type: "http.bearer",
    fields: { token: "of-the-environment" },
    secrets: ["of-the-environment"],
  });
  const basic = await read("ref.file", { path: "deep/key", as: { type: "http.basic", username: "ada" } });
  assert.deepEqual([basic.type, basic.fields], ["http.basic", { username: "ada", password: "of-the-file" }]);
  const header = await entry({ as: { type: "http.header", name: "X-Key" } });
  assert.deepEqual([header.type, header.fields], ["http.header", { name: "X-Key", value: "of-the-vault" }]);
  assert.deepEqual(header.secrets, ["t-4711", "of-the-vault"]);
});

test("Vault is asked once per use, by its own header, in its own namespace", async () => {
  vault.requests.length = 0;
  await entry({ namespace: "team" });
  await entry();
  assert.deepEqual(
    vault.requests.map(({ path: at, headers }) => [
      at,
      headers["x-vault-token"],
      headers["x-vault-namespace"],
    ]),
    [
      ["/vault/v1/kv/data/a/b", "t-4711", "team"],
      ["/vault/v1/kv/data/a/b", "t-4711", undefined],
    ],
  );
});

test("a variable without the prefix does not exist, whatever row asks for it", async () => {
  for (const name of ["PATH", "ENCRYPTION_KEYS", "atelier_secret_key", "ATELIER_SECRET_NONE"]) {
    await assert.rejects(read("ref.env", { name }), { code: "credential_unresolved", retryable: false });
  }
});

test("no path and no link leads out of SECRETS_DIR", async () => {
  assert.equal((await file("link-inside")).fields.token, "of-the-file");
  for (const name of [
    "../outside",
    "deep/../../outside",
    "link-outside",
    "folder-outside/outside",
    "../secrets-beside/outside",
    "/etc/hostname",
    "..",
    ".",
  ]) {
    const refused = await file(name).then(
      () => assert.fail(`${name} was read`),
      (error: Error & { code: string }) => error,
    );
    assert.equal(refused.code, "credential_unresolved", name);
    assert.doesNotMatch(refused.message, /somebody else/);
  }
});

test("what is no small text file with one value in it is refused, and not repeated", async () => {
  for (const [name, message] of [
    ["none", /cannot be read \(ENOENT\)/],
    ["deep", /is not a file/],
    ["pipe", /is not a file/],
    ["big", /more than 65536 bytes/],
    ["binary", /is not text/],
    ["empty", /cannot be used as a http\.bearer/],
    ["two-lines", /cannot be used as a http\.bearer/],
  ] as const) {
    await assert.rejects(file(name), { code: "credential_unresolved", message });
  }
  const without = createReferenceResolver({
    readVariable: () => undefined,
    secretsDir: undefined,
    http: egress,
  });
  const stored = { type: "ref.file", data: { path: "deep/key", as: BEARER } };
  await assert.rejects(without.resolve(stored, signal), {
    code: "credential_unresolved",
    message: /SECRETS_DIR/,
  });
});

test("a Vault that says no, says nothing, or is nowhere, is told apart and without its token", async () => {
  for (const [given, code, retryable] of [
    [{ url: `${vault.url}/fail` }, "credential_unresolved", false],
    [{ url: `${vault.url}/broken` }, "credential_unresolved", true],
    [{ url: `${vault.url}/other` }, "credential_unresolved", false],
    [{ field: "toString" }, "credential_unresolved", false],
    [{ url: "http://127.0.0.1:1" }, "egress_denied", false],
    [{ url: "http://169.254.169.254" }, "egress_denied", false],
  ] as const) {
    const refused = await entry(given).then(
      () => assert.fail("it was read"),
      (error: Error & { code: string; retryable: boolean }) => error,
    );
    assert.deepEqual([refused.code, refused.retryable], [code, retryable], JSON.stringify(given));
    assert.doesNotMatch(refused.message, /4711/);
  }
});
