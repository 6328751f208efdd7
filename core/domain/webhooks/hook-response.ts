// The answer a workflow gives to the caller of its webhook: what of it may go out under the platform's own address.

export type HookResponse = { status: number; headers: Record<string, string>; body: unknown };

// A list of what is refused would never be whole: every proxy has names of its own that it obeys in an answer, such as
// x-accel-redirect, x-sendfile, x-litespeed-location, x-reproxy-url and x-envoy-*.
const ALLOWED: ReadonlySet<string> = new Set(["content-language", "content-type", "retry-after"]);
/** Whatever follows is the workflow's own; x-hook-secret is what senders of Asana's kind want to hear back. */
const ALLOWED_NAMES = /^x-(?:custom|hook|webhook|workflow)-[a-z0-9-]+$/;
const MAX_HEADERS = 20;
const MAX_VALUE = 1_000;

/** What is wrong with the headers, by name; nothing when they may go out. Cookies, CORS and framing are nobody's to set. */
export function findHeaderFaults(headers: Readonly<Record<string, unknown>>): string[] {
  const names = Object.keys(headers);
  const faults = names.length > MAX_HEADERS ? [`at most ${MAX_HEADERS} headers`] : [];
  for (const [name, value] of Object.entries(headers)) {
    if (!mayGoOut(name.toLowerCase())) faults.push(`the header ${name} cannot be set by a workflow`);
    else if (typeof value !== "string" || !/^[\x20-\x7e]*$/.test(value) || value.length > MAX_VALUE)
      faults.push(`the value of ${name} is visible ASCII text of at most ${MAX_VALUE} characters`);
  }
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length)
    faults.push("a header is there twice");
  return faults;
}

function mayGoOut(name: string): boolean {
  return ALLOWED.has(name) || ALLOWED_NAMES.test(name);
}

/** Final ones that promise nothing about where to go next: a redirect would carry the platform's name elsewhere. */
export function isAllowedStatus(status: number): boolean {
  return Number.isInteger(status) && ((status >= 200 && status < 300) || (status >= 400 && status < 600));
}

/**
 * The output of a flow.respond. Null for what its runner would not have let pass: what is read from the journal is
 * checked again.
 */
export function readHookResponse(output: unknown): HookResponse | null {
  if (typeof output !== "object" || output === null) return null;
  const { status, headers, body = null } = output as Partial<Record<keyof HookResponse, unknown>>;
  if (typeof status !== "number" || !isAllowedStatus(status)) return null;
  if (typeof headers !== "object" || headers === null) return null;
  const given = headers as Record<string, unknown>;
  if (findHeaderFaults(given).length > 0) return null;
  return { status, headers: given as Record<string, string>, body };
}
