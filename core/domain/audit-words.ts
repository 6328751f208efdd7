// The words under which an entry of the audit log is found.

// Long details are found by their beginning; ids of 32 digits and names fit 64 letters.
const MAX_CHARS = 16_000;
const MAX_WORD_CHARS = 64;

const UUIDS = /([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})/g;
// Letters are all that ASCII does not call punctuation; migration 0018 splits old entries in the same way.
const SEPARATORS = /[\0-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f\s]+/;

export type SearchableEntry = {
  chainId: string;
  action: string;
  targetType: string;
  targetId: string | null;
  details?: unknown;
};

/** In the text form of a tsvector. The type of the target is a word of its own that no text can contain. */
export function writeWordVector(entry: SearchableEntry): string {
  const { chainId, action, targetType, targetId, details } = entry;
  const texts = [action, targetType, targetId ?? ""];
  collectTexts(details, texts, MAX_CHARS);
  const lexemes = [...splitWords(texts.join(" ")), typeWord(targetType)];
  return lexemes.map((word) => quote(chainId, word)).join(" ");
}

/** In the text form of a tsquery: all words of `text`, whole and in any order. Null when it has none. */
export function writeWordQuery(
  chainId: string,
  { text = "", targetType }: { text?: string | undefined; targetType?: string | undefined },
): string | null {
  const words = splitWords(text);
  if (targetType !== undefined) words.push(typeWord(targetType));
  return words.length === 0 ? null : words.map((word) => quote(chainId, word)).join(" & ");
}

/** Lower case, each once; a UUID is one word. */
export function splitWords(text: string): string[] {
  const plain = text.slice(0, MAX_CHARS).toLowerCase().replace(UUIDS, "$1$2$3$4$5");
  const words = plain.split(SEPARATORS).filter((word) => word !== "");
  return [...new Set(words.map((word) => word.slice(0, MAX_WORD_CHARS)))];
}

function typeWord(targetType: string): string {
  return `_${targetType.replace(/\W/g, "_")}`;
}

/** Words of one chain are not those of another. */
function quote(chainId: string, word: string): string {
  return `'${chainId.slice(-6)}${word}'`;
}

/** Texts and numbers of a JSON value, without its keys, until `left` characters are there. */
function collectTexts(value: unknown, texts: string[], left: number): number {
  if (typeof value === "string" || typeof value === "number") {
    texts.push(String(value));
    return left - String(value).length;
  }
  if (typeof value !== "object" || value === null) return left;
  let rest = left;
  for (const member of Object.values(value)) {
    if (rest <= 0) break;
    rest = collectTexts(member, texts, rest);
  }
  return rest;
}
