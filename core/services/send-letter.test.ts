// What an answer says about the letter beside it: the mail server's word, and no error of its own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startSmtpServer } from "../../test/support/smtp-server.ts";
import { createMailer } from "../mail/create-mailer.ts";
import { sendLetter } from "./send-letter.ts";

const LETTER = { to: "ada@example.com", subject: "Hello", text: "Hello" };

async function send(smtpUrl: string | undefined): Promise<{ mailed: boolean; failures: number }> {
  const mailer = createMailer({ smtpUrl, from: "atelier@example.com" });
  let failures = 0;
  const onMailFailed = () => {
    failures += 1;
  };
  try {
    const mailed = await sendLetter({ mailer, onMailFailed }, LETTER);
    return { mailed, failures };
  } finally {
    await mailer.close();
  }
}

test("a letter counts as mailed when the server took it, not when it refused it or when there is none", async (t) => {
  const open = await startSmtpServer();
  t.after(() => open.close());
  const shut = await startSmtpServer({ refuses: true });
  t.after(() => shut.close());
  assert.deepEqual(await send(open.url), { mailed: true, failures: 0 });
  assert.equal(open.messages.length, 1);
  assert.deepEqual(await send(shut.url), { mailed: false, failures: 1 });
  assert.deepEqual(await send(undefined), { mailed: false, failures: 0 });
});
