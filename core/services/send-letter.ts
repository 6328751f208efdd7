// Mail beside an answer that has the same link in it: a mail server that is away stops nobody.
import type { Mailer, MailMessage } from "../domain/mailer.ts";

export type Post = {
  mailer: Mailer;
  /** What the letter was about is done and stays done. */
  onMailFailed: (error: unknown) => void;
};

/** After the commit. Whether the mail server took it; false also where none is configured. */
export async function sendLetter({ mailer, onMailFailed }: Post, letter: MailMessage): Promise<boolean> {
  if (!mailer.isConfigured) return false;
  try {
    await mailer.send(letter);
    return true;
  } catch (error) {
    onMailFailed(error);
    return false;
  }
}
