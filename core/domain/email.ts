// E-mail addresses have one spelling here: no spaces around, lower case.

export function normaliseEmail(email: string): string {
  return email.trim().toLowerCase();
}
