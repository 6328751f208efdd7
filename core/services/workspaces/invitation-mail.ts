// What an invited person is written.
import type { MailMessage } from "../../domain/mailer.ts";

export type InvitationLetter = {
  to: string;
  /** The e-mail address of who invites. */
  from: string;
  link: string;
  /** Null: to the instance. */
  role: string | null;
  /** ISO 8601. */
  expiresAt: string;
};

/**
 * Holds no name of a person or workspace: anybody can call themselves anything, and a stranger would read it in a mail
 * that comes from this instance.
 */
export function invitationMail({ to, from, link, role, expiresAt }: InvitationLetter): MailMessage {
  const what = role === null ? "to Atelier" : `to a workspace on Atelier, as ${role}`;
  const until = expiresAt.slice(0, 16).replace("T", " ");
  const lines = [
    `${from} invites you ${what}.`,
    "",
    `Accept here, until ${until} UTC:`,
    link,
    "",
    "The link works once and for this e-mail address only. If you do not know the sender, do nothing.",
  ];
  return { to, subject: "You are invited to Atelier", text: lines.join("\n") };
}
