// Approvals in Chromium: asked, approved with a comment, rejected, seen again among all; nothing is refused or inaccessible.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { type Person, registerPerson } from "../support/client.ts";
import { chain, createWorkflow, submit, untilEnded } from "../support/workflows.ts";
import { assertAccessible, skip, type Visitor, visit } from "./browser.ts";
import { logIn, type RunningStudio, startStudio } from "./studio.ts";

let studio: RunningStudio;
let visitor: Visitor;
let ada: Person;

before(async () => {
  if (skip) return;
  studio = await startStudio("api", "worker", "scheduler");
  visitor = await visit(studio.browser, studio.url);
  ada = await registerPerson(studio.request);
});
after(() => studio?.close());

const cardOf = (page: Page, text: string) => page.getByRole("article").filter({ hasText: text });

test("what waits for me is decided with a comment, and shown as decided among all", { skip }, async () => {
  const message = 'Pay {{ input.n }} to <img src=x onerror="console.error(1)">?';
  const ask = { id: "ask", type: "flow.approval", config: { message, deadlineMs: 3_600_000 } };
  const workflow = await createWorkflow(studio.request, ada, chain(ask));
  const page = await visitor.open("/approvals");
  await logIn(page, ada.email);
  await page.getByText("Nothing waits for your word").waitFor();
  await assertAccessible(page, "approvals, empty");
  const [one, two] = [
    await submit(studio.request, ada, workflow, { input: { n: 1 } }),
    await submit(studio.request, ada, workflow, { input: { n: 2 } }),
  ];
  // It looks by itself after a while; a person in a hurry does so at once.
  const deadline = Date.now() + 30_000;
  while ((await page.getByRole("article").count()) < 2) {
    assert.ok(Date.now() < deadline, "both are asked");
    await page.waitForTimeout(200);
  }
  await assertAccessible(page, "approvals");
  await cardOf(page, "Pay 1").getByLabel("Comment").fill("fine by me");
  await cardOf(page, "Pay 1").getByRole("button", { name: "Approve" }).click();
  await cardOf(page, "Pay 2").getByRole("button", { name: "Reject" }).click();
  await page.getByText("Nothing waits for your word").waitFor();
  const ends = [await untilEnded(studio.request, ada, one), await untilEnded(studio.request, ada, two)];
  assert.deepEqual(
    ends.map(({ output }) => (output as { decision: string }).decision),
    ["approved", "rejected"],
  );
  await page.getByRole("switch").click();
  await cardOf(page, "Pay 1").getByText("fine by me").waitFor();
  await cardOf(page, "Pay 2").getByText(`${ada.email} rejected`).waitFor();
  assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0);
  await assertAccessible(page, "approvals, all");
  assert.deepEqual(visitor.complaints(), []);
});
