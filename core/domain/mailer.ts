// What use cases know of mail: a message goes out, or it does not.

export type MailMessage = { to: string; subject: string; text: string };

export type Mailer = {
  /** False without SMTP_URL; then nothing needs to be composed, and `send` does nothing. */
  isConfigured: boolean;
  /** Resolves when the server has taken the message. Throws `mail_failed`, which names neither person nor text. */
  send(message: MailMessage): Promise<void>;
  /** Waits for what is under way, at most as long as its time limits. */
  close(): Promise<void>;
};
