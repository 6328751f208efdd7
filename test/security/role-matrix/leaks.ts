// A26: what no answer may hold, whoever asked.
import { SECRETS } from "./targets.ts";

const FORBIDDEN: ReadonlyArray<{ what: string; find: RegExp }> = [
  { what: "a password hash", find: /\$argon2/ },
  { what: "a sealed secret", find: new RegExp(SECRETS.bytes.toString("hex"), "i") },
  { what: "a sealed secret", find: new RegExp(SECRETS.bytes.toString("base64").replaceAll(/[+/]/g, "\\$&")) },
  { what: "the id of an encryption key", find: new RegExp(SECRETS.keyId) },
  { what: "the id of a job", find: /"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d+"/ },
  {
    what: "a column of ours",
    find: /"(password_?hash|key_?hash|token_?hash|ciphertext|wrapped_?key|(in|out)?put_?key_?id|lease_?owner|fence)":/i,
  },
  { what: "a stack or a statement", find: /\\n\s+at |node_modules|\bselect .{1,200} from |violates/i },
];

const PEOPLE = /[\w-]+@(?:people\.test|member\.test|example\.com)/g;

/** `mayKnow` are the addresses of the caller and of those who share a workspace with them; null: an admin's list. */
export function findLeaks(text: string, mayKnow: readonly RegExp[] | null): string[] {
  const found = FORBIDDEN.filter(({ find }) => find.test(text)).map(({ what }) => what);
  const strangers =
    mayKnow === null
      ? []
      : (text.match(PEOPLE) ?? []).filter((email) => !mayKnow.some((known) => known.test(email)));
  return [...new Set([...found, ...strangers.map(() => "the address of somebody else")])];
}
