// S70: emergency access where passwords are guessed, and where no mail goes out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ATTEMPT_RULES } from "#core/domain/attempt-limits.ts";
import { startTestApi, type TestApiOptions } from "../support/api.ts";
import { PASSWORD, type Person } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { startSmtpServer } from "../support/smtp-server.ts";

type Opened = { ownersMailed: number; code: string };

/** The first person of the instance, its administrator, and another whose workspace they open. */
async function openOn(options: TestApiOptions, databaseUrl: string) {
  const api = await startTestApi(databaseUrl, options);
  const [root, owner] = [await api.register(), await api.register()];
  const body = (password: string) => ({ reason: "The ward is locked out of its plans", password });
  const open = (password = PASSWORD) =>
    api.request<Opened>("POST", `/api/workspaces/${owner.workspaceId}/emergency-access`, {
      token: root.token,
      body: body(password),
    });
  const isListed = async (by: Person = owner) => {
    const path = `/api/workspaces/${owner.workspaceId}/members`;
    const { body: page } = await api.request<{ items: { emergency: unknown }[] }>("GET", path, {
      token: by.token,
    });
    return page.items.some(({ emergency }) => emergency !== null);
  };
  return { api, open, isListed };
}

test("S70: guessing the password is limited as everywhere, then even the right one waits", async (t) => {
  const testDatabase = await createTestDatabase(t);
  const { api, open, isListed } = await openOn({ attemptRules: ATTEMPT_RULES }, testDatabase.databaseUrl);
  try {
    const statuses: number[] = [];
    for (let guess = 0; guess < 10; guess += 1) statuses.push((await open(`wrong horse ${guess}`)).status);
    assert.deepEqual(statuses, Array<number>(10).fill(401));
    const right = await open();
    assert.deepEqual([right.status, right.body.code], [429, "rate_limited"]);
    assert.equal(await isListed(), false);
  } finally {
    await api.close();
  }
});

for (const refuses of [true, null]) {
  test(`S70: with ${refuses ? "a mail server that refuses" : "no mail server"} it opens all the same, and the owner sees it`, async (t) => {
    const testDatabase = await createTestDatabase(t);
    const smtp = await startSmtpServer({ refuses: true });
    t.after(smtp.close);
    const environment = refuses ? { SMTP_URL: smtp.url, MAIL_FROM: "atelier@example.com" } : {};
    const { api, open, isListed } = await openOn({ environment }, testDatabase.databaseUrl);
    try {
      const opened = await open();
      assert.deepEqual([opened.status, opened.body.ownersMailed], [201, 0]);
      assert.equal(await isListed(), true);
    } finally {
      await api.close();
    }
  });
}
