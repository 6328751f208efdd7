// The Studio over a slow line: nothing typed is lost without a word, nothing goes away under the hand that points at it.
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import type { Page } from "playwright-core";
import { registerPerson } from "../support/client.ts";
import { chain } from "../support/workflows.ts";
import { skip, type Visitor, visit } from "./browser.ts";
import { logIn, type RunningStudio, startStudio } from "./studio.ts";

const EMAIL = "ada@example.com";

let studio: RunningStudio;
let visitor: Visitor;
let workflowId: string;

before(async () => {
  if (skip) return;
  studio = await startStudio("api");
  const { token } = await registerPerson(studio.request, EMAIL);
  const graph = chain({ id: "only", type: "data.transform", config: { value: 1 } });
  const body = { name: "Slow", graph };
  const made = await studio.request<{ id: string }>("POST", "/api/workflows", { token, body });
  assert.equal(made.status, 201, made.text);
  workflowId = made.body.id;
});
after(() => studio?.close());

/** In a context of its own, for a clock that stands still does so in the whole of it. */
async function newPage(t: TestContext): Promise<Page> {
  visitor = await visit(studio.browser, studio.url);
  const { context } = visitor;
  t.after(() => context.close());
  return context.newPage();
}

async function signIn(page: Page): Promise<void> {
  await page.goto("/login?next=/account");
  await logIn(page, EMAIL);
  await page.getByRole("heading", { name: "Account" }).waitFor();
}

/** Answers to what fits `url` wait until they are released. */
async function hold(page: Page, url: RegExp): Promise<() => void> {
  const gate = Promise.withResolvers<void>();
  await page.route(url, async (route) => {
    await gate.promise;
    await route.continue();
  });
  return gate.resolve;
}

test("a form that is being left takes nothing more, and the next one takes everything", {
  skip,
}, async (t) => {
  const page = await newPage(t);
  const release = await hold(page, /\/assets\/sign-up-screen/);
  await page.clock.install();
  await page.goto("/login");
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  // Time stands still, or the form would be gone after a second: a slow machine shall see the same as a quick one.
  await page.clock.pauseAt(Date.now() + 60_000);
  await page.getByRole("link", { name: "Sign up" }).click();
  await page.waitForURL(/\/signup/);
  const old = page.locator("form input[type=password]");
  await page.locator("[inert] form").waitFor();
  await old.focus();
  await page.keyboard.type("lost");
  assert.equal(await old.inputValue(), "");
  await page.clock.resume();
  release();
  await page.getByRole("heading", { name: "Sign up" }).waitFor();
  assert.equal(await page.evaluate("document.activeElement.tagName"), "H1");
  await page.getByLabel(/^Password/).fill("short");
  await page.getByRole("textbox", { name: "E-mail" }).fill("grace@example.com");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByText("Use at least 8 characters").waitFor();
  assert.deepEqual(visitor.complaints(), []);
});

test("the way from log in to sign up is fetched before anybody points at it", { skip }, async (t) => {
  const page = await newPage(t);
  const fetched = page.waitForResponse(/\/assets\/sign-up-screen/);
  await page.goto("/login");
  assert.ok((await fetched).ok());
});

test("the list of workflows waits until it is known whose, and is shown once", { skip }, async (t) => {
  const page = await newPage(t);
  await signIn(page);
  const release = await hold(page, /\/auth\/me$/);
  const asked: string[] = [];
  page.on("request", (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname === "/api/workflows") asked.push(searchParams.get("workspaceId") ?? "all of them");
  });
  const me = page.waitForRequest(/\/auth\/me$/);
  await page.goto("/workflows");
  await page.getByRole("heading", { name: "Workflows" }).waitFor();
  await me;
  release();
  await page.getByRole("link", { name: "Slow" }).waitFor();
  assert.equal(asked.length, 1, String(asked));
  assert.doesNotMatch(asked[0] ?? "", /all/);
});

test("an input half written outlives an answer that failed", { skip }, async (t) => {
  const page = await newPage(t);
  await signIn(page);
  await page.clock.install();
  await page.goto(`/workflows/${workflowId}`);
  const input = page.getByLabel("Input");
  await input.fill('{"long": "and dear"}');
  const code = "rate_limited";
  const body = JSON.stringify({ title: "", status: 429, code, detail: "Too many at once", requestId: "" });
  await page.route(`**/api/workflows/${workflowId}`, (route) =>
    route.fulfill({ status: 429, contentType: "application/problem+json", body }),
  );
  // Whoever comes back to a tab after a while sees it asking again.
  await page.clock.fastForward(10_000);
  await page.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))");
  await page.getByText("Too many at once").waitFor();
  assert.equal(await input.inputValue(), '{"long": "and dear"}');
  assert.deepEqual(visitor.complaints(429), []);
});
