// Mail leaves over a real SMTP conversation, to one recipient, and a refusal tells nothing of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startSmtpServer } from "../../test/support/smtp-server.ts";
import { AppError } from "../domain/app-error.ts";
import { createMailer } from "./create-mailer.ts";

const MESSAGE = {
  to: "guest@example.com",
  subject: "Welcome, Zoë",
  text: "Line one\nhttps://example.com/#x",
};

test("a message arrives with sender, subject and text", async (t) => {
  const server = await startSmtpServer();
  t.after(() => server.close());
  const mailer = createMailer({ smtpUrl: server.url, from: "Atelier <atelier@example.com>" });
  try {
    assert.equal(mailer.isConfigured, true);
    await mailer.send(MESSAGE);
    assert.deepEqual(server.messages[0]?.recipients, ["guest@example.com"]);
    const text = server.messages[0]?.text ?? "";
    assert.match(text, /^From: Atelier <atelier@example\.com>/m);
    assert.match(text, /^To: guest@example\.com/m);
    assert.match(text, /Line one\r\nhttps:\/\/example\.com\/#x/);
  } finally {
    await mailer.close();
    await server.close();
  }
});

test("nothing in a message adds a header or a recipient", async (t) => {
  const server = await startSmtpServer();
  t.after(() => server.close());
  const mailer = createMailer({ smtpUrl: server.url, from: "atelier@example.com" });
  try {
    await mailer
      .send({ ...MESSAGE, to: "a@example.com, b@example.com", subject: "x\r\nBcc: c@example.com" })
      .catch(() => {});
    await mailer.send({ ...MESSAGE, subject: "x\r\nBcc: c@example.com" });
    for (const { recipients, text } of server.messages) {
      assert.equal(recipients.length, 1);
      assert.doesNotMatch(text, /^Bcc:/im);
    }
  } finally {
    await mailer.close();
    await server.close();
  }
});

test("a refused message fails with codes only, an absent server too", async (t) => {
  const server = await startSmtpServer({ refuses: true });
  t.after(() => server.close());
  const mailer = createMailer({ smtpUrl: server.url, from: "atelier@example.com" });
  const isDiscreet = (error: unknown) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "mail_failed");
    assert.doesNotMatch(`${error.message} ${error.stack}`, /guest|Line one/);
    assert.equal(error.cause, undefined);
    return true;
  };
  try {
    await assert.rejects(mailer.send(MESSAGE), isDiscreet);
    assert.equal(server.messages.length, 0);
  } finally {
    await server.close();
  }
  await assert.rejects(mailer.send(MESSAGE), isDiscreet);
  await mailer.close();
});

test("closing waits for the message under way", async (t) => {
  const server = await startSmtpServer();
  t.after(() => server.close());
  const mailer = createMailer({ smtpUrl: server.url, from: "atelier@example.com" });
  const sending = mailer.send(MESSAGE);
  await mailer.close();
  assert.equal(server.messages.length, 1);
  await sending;
  await server.close();
});

test("a server on another host must offer TLS unless it is allowed in plain", async (t) => {
  // 127.0.0.1 by a name that is not known to be this host; the server offers no STARTTLS.
  const server = await startSmtpServer();
  t.after(() => server.close());
  const smtpUrl = server.url.replace("127.0.0.1", "[::ffff:127.0.0.1]");
  const careful = createMailer({ smtpUrl, from: "atelier@example.com" });
  const trusting = createMailer({
    smtpUrl,
    from: "atelier@example.com",
    allowPlaintext: [new URL(smtpUrl).hostname],
  });
  try {
    await assert.rejects(careful.send(MESSAGE), { code: "mail_failed" });
    assert.equal(server.messages.length, 0);
    await trusting.send(MESSAGE);
    assert.equal(server.messages.length, 1);
  } finally {
    await Promise.all([careful.close(), trusting.close()]);
    await server.close();
  }
});

test("without a server nothing is sent and nothing fails", async () => {
  const mailer = createMailer({ smtpUrl: undefined, from: undefined });
  assert.equal(mailer.isConfigured, false);
  await mailer.send(MESSAGE);
  await mailer.close();
});
