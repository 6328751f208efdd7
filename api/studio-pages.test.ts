// The Studio's files over HTTP: a page with a nonce of its own for its addresses, assets for ever, JSON for the rest.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { pino } from "pino";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { createApp } from "./app.ts";
import { listen } from "./listen.ts";
import { openStudio } from "./studio-pages.ts";

type Cleanup = { after(callback: () => void | Promise<void>): void };

async function serve(t: Cleanup, folder: string) {
  const app = createApp({
    routes: [],
    authenticate: () => Promise.reject(new Error("nobody")),
    logger: pino({ level: "silent" }),
    observe: () => {},
    studio: await openStudio(folder),
  });
  const server = await listen(app, { host: "127.0.0.1", port: 0 });
  t.after(() => server.stop());
  return async (place: string) => {
    const reply = await fetch(server.url + place, { redirect: "manual" });
    return { status: reply.status, headers: reply.headers, text: await reply.text() };
  };
}

function builtStudio(t: Cleanup): string {
  const folder = temporaryFolder(t);
  mkdirSync(path.join(folder, "assets"));
  writeFileSync(path.join(folder, "index.html"), '<meta property="csp-nonce" nonce="STUDIO_NONCE">');
  writeFileSync(path.join(folder, ".built-from"), "hash");
  writeFileSync(path.join(folder, "assets/index-abc.js"), "run()");
  return folder;
}

test("each page has a nonce of its own, for styles only, and is asked for anew each time", async (t) => {
  const get = await serve(t, builtStudio(t));
  const nonces = new Set<string>();
  for (const place of [
    "/",
    "/login",
    "/workflows",
    "/workflows/01920000",
    "/executions?status=failed",
    "/account",
  ]) {
    const { status, headers, text } = await get(place);
    assert.equal(status, 200, place);
    assert.match(headers.get("content-type") ?? "", /text\/html/);
    assert.equal(headers.get("cache-control"), "no-cache");
    assert.equal(headers.get("etag"), null);
    const nonce = /nonce="([^"]{22,})"/.exec(text)?.[1] ?? "";
    const policy = headers.get("content-security-policy") ?? "";
    assert.ok(policy.includes(`;style-src 'self' 'nonce-${nonce}';`), policy);
    assert.match(policy, /;script-src 'self';/);
    assert.doesNotMatch(policy, /unsafe/);
    nonces.add(nonce);
  }
  assert.equal(nonces.size, 6);
});

test("assets are kept for ever, and what else lies in the folder is not served", async (t) => {
  const get = await serve(t, builtStudio(t));
  const asset = await get("/assets/index-abc.js");
  assert.equal(asset.headers.get("cache-control"), "public, max-age=31536000, immutable");
  assert.match(asset.headers.get("content-security-policy") ?? "", /style-src 'self';/);
  assert.equal(asset.headers.get("x-content-type-options"), "nosniff");
  for (const place of [
    "/.built-from",
    "/index.html",
    "/assets/",
    "/assets/../.built-from",
    "/assets/%2e%2e/index.html",
  ])
    assert.equal((await get(place)).status, 404, place);
});

test("addresses of nobody stay a 404 in JSON, with the strict policy", async (t) => {
  const get = await serve(t, builtStudio(t));
  for (const place of [
    "/api/nothing",
    "/auth/nothing",
    "/nothing",
    "/assets/gone.js",
    "/workflows.js",
    "/Login",
  ]) {
    const { status, headers, text } = await get(place);
    assert.equal(status, 404, place);
    assert.equal(JSON.parse(text).code, "not_found");
    assert.doesNotMatch(headers.get("content-security-policy") ?? "", /nonce|unsafe/);
  }
});

test("without a built Studio a page of welcome stands at /", async (t) => {
  const get = await serve(t, temporaryFolder(t));
  assert.match((await get("/")).text, /This workflow studio is up/);
  assert.equal((await get("/login")).status, 404);
});
