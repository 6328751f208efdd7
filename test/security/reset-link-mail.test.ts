// The reset link by mail: it reaches the person, it works once, and a mail server that refuses takes nothing away.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestApi } from "../support/api.ts";
import { createTestDatabase } from "../support/database.ts";
import { type SmtpServer, startSmtpServer } from "../support/smtp-server.ts";
import { tokenOf } from "../support/team.ts";

type Link = { url: string; expiresAt: string; mailed: boolean };

/** Makes a link for somebody on an instance that mails through `smtp`, and tries to use what `tokenFrom` finds. */
async function makeLink(
  t: TestContext,
  smtp: SmtpServer,
  tokenFrom: (link: Link, to: string) => Promise<string>,
) {
  t.after(smtp.close);
  const testDatabase = await createTestDatabase(t);
  const api = await startTestApi(testDatabase.databaseUrl, {
    environment: { SMTP_URL: smtp.url, MAIL_FROM: "atelier@example.com" },
  });
  try {
    const admin = await api.register("root@example.com");
    const ada = await api.register("ada@example.com");
    const made = await api.request<Link>("POST", `/api/admin/users/${ada.userId}/reset-link`, {
      token: admin.token,
    });
    assert.equal(made.status, 200, made.text);
    const body = { token: await tokenFrom(made.body, ada.email), password: "a better horse battery" };
    const statuses = [];
    for (let time = 0; time < 2; time += 1) {
      statuses.push((await api.request("POST", "/auth/reset", { body })).status);
    }
    const login = { body: { email: ada.email, password: body.password } };
    statuses.push((await api.request("POST", "/auth/login", login)).status);
    return { link: made.body, statuses };
  } finally {
    await api.close();
  }
}

test("a reset link is mailed to its person alone, is the one that was answered, and sets a password once", async (t) => {
  const smtp = await startSmtpServer();
  const { link, statuses } = await makeLink(t, smtp, async (_link, to) => {
    const text = (await smtp.waitFor(to)).replaceAll("=\r\n", "").replaceAll("=3D", "=");
    return tokenOf(/https?:\/\/\S+/.exec(text)?.[0] ?? "");
  });
  assert.equal(link.mailed, true);
  assert.deepEqual(statuses, [204, 400, 200]);
  assert.deepEqual(
    smtp.messages.map(({ recipients }) => recipients),
    [["ada@example.com"]],
  );
});

test("a mail server that refuses the person leaves the link to the administrator, who is told", async (t) => {
  const smtp = await startSmtpServer({ refuses: true });
  const { link, statuses } = await makeLink(t, smtp, async ({ url }) => tokenOf(url));
  assert.equal(link.mailed, false);
  assert.deepEqual(statuses, [204, 400, 200]);
  assert.deepEqual(smtp.messages, []);
});
