// Two tabs of one browser share a refresh cookie: they stay signed in together, and go together.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { registerPerson } from "../support/client.ts";
import { skip, type Visitor, visit } from "./browser.ts";
import { logIn, type RunningStudio, startStudio } from "./studio.ts";

let studio: RunningStudio;
let visitor: Visitor;
let left: Page;
let right: Page;

before(async () => {
  if (skip) return;
  studio = await startStudio("api");
  for (const name of ["ada", "ben"]) await registerPerson(studio.request, `${name}@example.com`);
  visitor = await visit(studio.browser, studio.url);
  left = await visitor.open("/login");
  right = await visitor.open("/login");
});
after(() => studio?.close());

const title = (page: Page, name: string) => page.getByRole("heading", { name, exact: true }).waitFor();
const both = (act: (page: Page) => Promise<unknown>) => Promise.all([act(left), act(right)]);

/** The next call of this kind is answered by us. */
async function answerOnce(page: Page, path: string, status: number, code: string): Promise<void> {
  const body = JSON.stringify({ type: "about:blank", title: "", status, code, detail: code, requestId: "" });
  await page.route(
    path,
    (route) => route.fulfill({ status, contentType: "application/problem+json", body }),
    {
      times: 1,
    },
  );
}

test("a sign-in in one tab is one in the other", { skip }, async () => {
  await logIn(left, "ada@example.com");
  await both((page) => title(page, "Workflows"));
  await both((page) => page.getByText("No workflow here yet").waitFor());
  assert.deepEqual(visitor.complaints(), []);
});

test("both tabs stay signed in when both must refresh at the same moment, also by loading again", {
  skip,
}, async () => {
  const refreshes: number[] = [];
  visitor.context.on("response", (response) => {
    if (response.url().endsWith("/auth/refresh")) refreshes.push(response.status());
  });
  await both((page) => answerOnce(page, "**/api/executions*", 401, "unauthenticated"));
  await both((page) => page.getByRole("link", { name: "Executions" }).click());
  await both((page) => page.getByText("Nothing has run yet").waitFor());
  assert.deepEqual(refreshes, [200, 200]);
  for (const _ of [1, 2, 3]) await both((page) => page.reload());
  await both((page) => page.getByText("Nothing has run yet").waitFor());
  assert.ok(
    refreshes.every((status) => status === 200 || status === 409),
    String(refreshes),
  );
  assert.deepEqual(visitor.complaints(401, 409), []);
});

test("a refresh that came too late for the old cookie is tried again with the new one", {
  skip,
}, async () => {
  await answerOnce(left, "**/auth/refresh", 409, "refresh_conflict");
  await left.reload();
  await left.getByText("Nothing has run yet").waitFor();
  assert.deepEqual(visitor.complaints(409), []);
});

test("a server out of reach is said to be so, and ends no session", { skip }, async () => {
  await left.route("**/auth/refresh", (route) => route.abort(), { times: 1 });
  await left.reload();
  await left.getByText("The server cannot be reached").waitFor();
  await left.getByRole("button", { name: "Try again" }).click();
  await left.getByText("Nothing has run yet").waitFor();
  assert.deepEqual(
    visitor.complaints().filter((text) => !/ERR_FAILED|cannot be reached/.test(text)),
    [],
  );
});

test("a log-out in one tab is one in the other, and what was seen is gone", { skip }, async () => {
  await right.getByRole("button", { name: "Log out" }).click();
  await both((page) => title(page, "Log in"));
  assert.doesNotMatch((await left.textContent("body")) ?? "", /ada@example\.com/);
  assert.deepEqual(visitor.complaints(), []);
});

test("another person's sign-in replaces what the other tab showed", { skip }, async () => {
  await logIn(left, "ada@example.com");
  await both((page) => page.getByText("ada@example.com").waitFor());
  // As if the first tab had slept through the log-out of the second.
  await right.evaluate("fetch('/auth/logout', { method: 'POST' })");
  await right.evaluate("localStorage.clear()");
  const asked: string[] = [];
  left.on("request", (request) => asked.push(request.url()));
  await right.goto("/login");
  await logIn(right, "ben@example.com");
  await both((page) => page.getByText("ben@example.com").waitFor());
  await left.getByText("Nothing has run yet").waitFor();
  const workspaces = asked.map((url) => new URL(url).searchParams.get("workspaceId")).filter(Boolean);
  assert.equal(new Set(workspaces).size, 1, "one person's workspace was asked for in another's name");
  assert.deepEqual(visitor.complaints(401), []);
});

test("an address to go to after signing in never leads out", { skip }, async () => {
  for (const next of ["//example.org/", "javascript:alert(1)"]) {
    await right.getByRole("button", { name: "Log out" }).click();
    await title(right, "Log in");
    await right.goto(`/login?next=${encodeURIComponent(next)}`);
    await logIn(right, "ben@example.com");
    await title(right, "Workflows");
    assert.equal(new URL(right.url()).origin, studio.url);
  }
});
