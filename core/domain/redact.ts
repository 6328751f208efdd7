// Takes secrets out of what is stored and shown, by their value, in every spelling they are likely to come back in.

const REDACTED = "[redacted]";
/** Shorter values are left alone: a "1" or "abc" is in every text, and taking it out would hide nothing. */
const MIN_SECRET_LENGTH = 4;
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

/** Spellings that begin alike: tokens of one issuer often do, for longer than a probe. */
type Group = { probe: string; forms: string[]; longest: number };

export function createRedactor(): Redactor {
  const known = new Set<string>();
  const byProbe = new Map<string, Group>();
  const byStart = new Map<string, Group[]>();
  // The longest first: what holds another must go before it.
  let groups: readonly Group[] = [];
  const cuts = createCuts();
  const clean = (text: string) =>
    text.length < MIN_SECRET_LENGTH ? text : cuts.cutEnd(takeOut(text, candidates(text, groups, byStart)));

  const addForm = (form: string) => {
    known.add(form);
    const probe = form.slice(0, PROBE);
    const group = byProbe.get(probe);
    if (group) {
      group.forms.push(form);
      group.longest = Math.max(group.longest, form.length);
      return;
    }
    const fresh = { probe, forms: [form], longest: form.length };
    byProbe.set(probe, fresh);
    const start = form.slice(0, MIN_SECRET_LENGTH);
    const others = byStart.get(start);
    if (others) others.push(fresh);
    else byStart.set(start, [fresh]);
  };

  return {
    add(secrets) {
      const before = known.size;
      for (const secret of secrets) {
        if (secret.length < MIN_SECRET_LENGTH) continue;
        const whole = spellings(secret).filter((form) => !known.has(form));
        for (const form of whole) cuts.add(form);
        for (const form of [...whole, ...longRuns(secret)]) if (!known.has(form)) addForm(form);
      }
      if (known.size > before) groups = longestFirst([...byProbe.values()]);
    },
    redact: (value) => (groups.length === 0 ? value : (walk(value, clean) as typeof value)),
  };
}

const longestFirst = (groups: Group[]): Group[] => groups.sort((a, b) => b.longest - a.longest);

/**
 * Those whose first characters the text holds. Worth its while where they outnumber its characters: an output of 60,000
 * short texts took 4.8 s with 200 secrets, and nothing else runs meanwhile.
 */
function candidates(
  text: string,
  groups: readonly Group[],
  byStart: ReadonlyMap<string, readonly Group[]>,
): readonly Group[] {
  if (groups.length <= text.length) return groups;
  const starts = new Set<string>();
  for (let at = 0; at + MIN_SECRET_LENGTH <= text.length; at++) {
    const start = text.slice(at, at + MIN_SECRET_LENGTH);
    if (byStart.has(start)) starts.add(start);
  }
  return longestFirst([...starts].flatMap((start) => byStart.get(start) ?? []));
}

function takeOut(text: string, groups: readonly Group[]): string {
  let result = text;
  for (const group of groups) {
    const { probe } = group;
    let at = result.indexOf(probe);
    if (at < 0) continue;
    const kept: string[] = [];
    let from = 0;
    for (; at >= 0; at = result.indexOf(probe, from)) {
      kept.push(result.slice(from, at));
      from = at + commonLength(result, at, group);
    }
    result = [...kept, result.slice(from)].join(REDACTED);
  }
  return result;
}

/** How far the text goes on like one of the group. */
function commonLength(text: string, at: number, { probe, forms }: Group): number {
  let furthest = probe.length;
  for (const form of forms) {
    let length = probe.length;
    while (length < form.length && text[at + length] === form[length]) length++;
    furthest = Math.max(furthest, length);
  }
  return furthest;
}

/** For texts that end inside of a secret, as excerpts do. */
function createCuts() {
  const beginnings = new Set<string>();
  // Their last characters: most texts end otherwise and are done with one look.
  const ends = new Set<string>();
  return {
    add(form: string): void {
      for (let end = MIN_CUT; end < Math.min(form.length, PROBE); end++) {
        beginnings.add(form.slice(0, end));
        ends.add(form.slice(end - MIN_SECRET_LENGTH, end));
      }
    },
    cutEnd(text: string): string {
      if (!ends.has(text.slice(-MIN_SECRET_LENGTH))) return text;
      for (let length = Math.min(PROBE - 1, text.length); length >= MIN_CUT; length--) {
        if (beginnings.has(text.slice(-length))) return text.slice(0, -length) + REDACTED;
      }
      return text;
    },
  };
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
const MAX_RUNS = 32;

/**
 * What none of the spellings covers still loses its long runs of letters and digits, which no encoding of texts changes;
 * those of an address stay, because they are host names. The longest ones: 8,192 characters can hold 480.
 */
function longRuns(secret: string): string[] {
  const runs = secret.includes("://") ? [] : (secret.match(RUN) ?? []);
  return runs.sort((a, b) => b.length - a.length).slice(0, MAX_RUNS);
}

/**
 * As it is, in JSON (also as text in JSON), URL-encoded, in hex, and in base64 at each of the three places it can have in
 * a longer text.
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
