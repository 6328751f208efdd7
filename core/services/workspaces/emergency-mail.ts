// What the owners of a workspace are written when an administrator lets themselves in.
import type { MailMessage } from "../../domain/mailer.ts";

export type EmergencyLetter = {
  /** The address of who came in. */
  admin: string;
  workspaceName: string;
  role: string;
  reason: string;
  /** ISO 8601. */
  until: string;
  publicUrl: string;
};

/** To one owner: they need not know the others' addresses. */
export function emergencyMail(to: string, letter: EmergencyLetter): MailMessage {
  const until = letter.until.slice(0, 16).replace("T", " ");
  const lines = [
    `${letter.admin}, an administrator of ${letter.publicUrl}, has opened emergency access to your workspace`,
    `"${letter.workspaceName}", as ${letter.role}, until ${until} UTC. The reason given:`,
    "",
    letter.reason,
    "",
    "It stands in the audit log and in the list of members. If this should not be, end it: remove that member.",
  ];
  return { to, subject: "Emergency access to your workspace", text: lines.join("\n") };
}
