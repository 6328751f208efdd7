// Mail over SMTP, one connection per message: invitations and reset links are few.
import { createTransport } from "nodemailer";
import { AppError } from "../domain/app-error.ts";
import type { Mailer, MailMessage } from "../domain/mailer.ts";
import { isPlaintextAllowed } from "../domain/plaintext-rule.ts";

export type MailerOptions = {
  /** `smtp://[user:password@]host[:port]` (STARTTLS where offered, required off this host) or `smtps://…`. */
  smtpUrl: string | undefined;
  /** `Atelier <atelier@example.com>` or the address alone. */
  from: string | undefined;
  /** Hosts that may be spoken to without TLS: the entries of ALLOW_PLAINTEXT. */
  allowPlaintext?: readonly string[];
};

const CONNECT_MS = 10_000;
const ANSWER_MS = 20_000;

export function createMailer({ smtpUrl, from, allowPlaintext = [] }: MailerOptions): Mailer {
  if (smtpUrl === undefined) return { isConfigured: false, send: async () => {}, close: async () => {} };
  const transport = createTransport({
    ...readUrl(smtpUrl, allowPlaintext),
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: ANSWER_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const underWay = new Set<Promise<void>>();
  return {
    isConfigured: true,
    async send(message) {
      const sending = transport.sendMail(toMail(message, from)).then(
        () => {},
        (error: unknown) => {
          throw mailFailed(error);
        },
      );
      underWay.add(sending);
      await sending.finally(() => underWay.delete(sending));
    },
    async close() {
      await Promise.allSettled(underWay);
      transport.close();
    },
  };
}

/** Read here, so that no parameter of the URL can change what is asked of the connection. */
function readUrl(text: string, allowPlaintext: readonly string[]) {
  const url = new URL(text);
  const secure = url.protocol === "smtps:";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const auth = { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) };
  return {
    host,
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    requireTLS: !isPlaintextAllowed(host, allowPlaintext),
    ...(auth.user === "" ? {} : { auth }),
  };
}

/** The address as an object: whatever stands in it, it stays one recipient. */
function toMail({ to, subject, text }: MailMessage, from: string | undefined) {
  return { ...(from !== undefined && { from }), to: { name: "", address: to }, subject, text };
}

/** The server's own words often repeat the address, so only their codes are kept. */
function mailFailed(error: unknown): AppError {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
  const codes = [code, responseCode].filter((part) => part !== undefined).join(" ");
  return new AppError("mail_failed", `The mail server did not take a message (${codes || "no answer"})`, {
    retryable: true,
  });
}
