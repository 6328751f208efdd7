// Takes secrets out of what is stored and shown, by their value, in every spelling they are likely to come back in.

export const REDACTED = "[redacted]";
/** Shorter values are left alone: a "1" or "abc" is in every text, and taking it out would hide nothing. */
export const MIN_SECRET_LENGTH = 4;
/**
 * A secret is looked for by its beginning and taken out as far as it goes. So a search costs at most so many steps per
 * character, and a secret that was cut off is found too.
 */
const PROBE = 64;
/** So much of a secret at the very end of a text is taken for one that was cut off; "post" is not, nor "postgres://". */
const MIN_CUT = 12;

export type Redactor = {
  add(secrets: readonly string[]): void;
  /** The same value when there is nothing in it to take out. JSON in, JSON out; also the keys of objects. */
  redact<Value>(value: Value): Value;
};

export function createRedactor(): Redactor {
  // The longest first: what holds another must go before it.
  let forms: readonly string[] = [];
  // By the last four characters of a beginning. For texts that end inside of a secret.
  const beginnings = new Map<string, string[]>();

  const addBeginnings = (form: string) => {
    for (let end = MIN_CUT; end < Math.min(form.length, PROBE); end++) {
      const key = form.slice(end - MIN_SECRET_LENGTH, end);
      beginnings.set(key, [form.slice(0, end), ...(beginnings.get(key) ?? [])]);
    }
  };
  const clean = (text: string) =>
    text.length < MIN_SECRET_LENGTH ? text : cutEnd(takeOut(text, forms), beginnings);

  return {
    add(secrets) {
      const known = new Set(forms);
      const fresh = secrets
        .filter((secret) => secret.length >= MIN_SECRET_LENGTH)
        .flatMap(spellings)
        .filter((form) => !known.has(form));
      if (fresh.length === 0) return;
      for (const form of new Set(fresh)) addBeginnings(form);
      forms = [...new Set([...forms, ...fresh])].sort((a, b) => b.length - a.length);
    },
    redact: (value) => (forms.length === 0 ? value : (walk(value, clean) as typeof value)),
  };
}

function takeOut(text: string, forms: readonly string[]): string {
  let result = text;
  for (const form of forms) {
    const probe = form.slice(0, PROBE);
    let at = result.indexOf(probe);
    if (at < 0) continue;
    const kept: string[] = [];
    let from = 0;
    for (; at >= 0; at = result.indexOf(probe, from)) {
      kept.push(result.slice(from, at));
      from = at + probe.length;
      for (let i = probe.length; i < form.length && result[from] === form[i]; i++) from++;
    }
    result = [...kept, result.slice(from)].join(REDACTED);
  }
  return result;
}

/** An excerpt may end in the middle of a secret. */
function cutEnd(text: string, beginnings: ReadonlyMap<string, readonly string[]>): string {
  const beginning = beginnings.get(text.slice(-MIN_SECRET_LENGTH))?.find((one) => text.endsWith(one));
  return beginning === undefined ? text : text.slice(0, -beginning.length) + REDACTED;
}

function walk(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === "string") return clean(value);
  // A secret of digits comes back as a number from services that read it as one.
  if (typeof value === "number") return clean(String(value)) === String(value) ? value : REDACTED;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const cleaned = value.map((element) => walk(element, clean));
    return cleaned.some((element, index) => element !== value[index]) ? cleaned : value;
  }
  let changed = false;
  const entries = Object.entries(value).map(([key, member]) => {
    const entry = [clean(key), walk(member, clean)] as const;
    changed ||= entry[0] !== key || entry[1] !== member;
    return entry;
  });
  return changed ? Object.fromEntries(entries) : value;
}

const RUN = /[A-Za-z0-9]{16,}/g;

/**
 * As it is, in JSON (also as text in JSON), URL-encoded, in hex, and in base64 at each of the three places it can have in
 * a longer text. What none of them covers still loses its long runs of letters and digits, which no encoding of texts
 * changes; those of an address stay, because they are host names.
 */
function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
  const json = inJson(secret);
  const form = new URLSearchParams({ s: secret }).toString().slice(2);
  const hex = bytes.toString("hex");
  const encoded = secret.isWellFormed() ? encodeURIComponent(secret) : secret;
  const lower = (text: string) => text.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  return [
    ...[secret, json, json.replaceAll("/", "\\/"), inJson(json)],
    ...[encoded, lower(encoded), form, lower(form), hex, hex.toUpperCase()],
    ...[0, 1, 2].flatMap((shift) => base64Core(bytes, shift)),
    ...(secret.includes("://") ? [] : (secret.match(RUN) ?? [])),
  ];
}

/** The characters that depend on nothing but the secret when `shift` bytes stand before it. */
function base64Core(bytes: Buffer, shift: number): string[] {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString("base64")
    .replaceAll("=", "");
  const whole = Math.floor(((shift + bytes.length) * 8) / 6);
  const core = text.slice(shift === 0 ? 0 : shift + 1, whole);
  // Short ones are in other texts by chance.
  if (core.length < 2 * MIN_SECRET_LENGTH) return shift === 0 ? [text] : [];
  return [core, core.replaceAll("+", "-").replaceAll("/", "_")];
}
