// Walks JSON text to say on which line something stands: the parser's own messages quote the text, secrets included.

export type JsonPath = readonly (string | number)[];
export type JsonFault = { line: number; reason: string };

const MAX_DEPTH = 200;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const WORD = /true|false|null/y;
const SPACE = /[ \t\n\r]*/y;

type Scan = {
  text: string;
  at: number;
  path: (string | number)[];
  onValue: (path: JsonPath, at: number) => void;
};

class ScanFault extends Error {}

/** Where and why the text is no JSON, or nested deeper than 200 levels; null when it is fine. */
export function findJsonFault(text: string): JsonFault | null {
  const scan: Scan = { text, at: 0, path: [], onValue: () => {} };
  try {
    scanValue(scan);
    skipSpace(scan);
    if (scan.at < text.length) throw new ScanFault("there is more text after the end of the JSON");
    return null;
  } catch (fault) {
    if (!(fault instanceof ScanFault)) throw fault;
    const isCut = scan.at >= text.length;
    return {
      line: lineAt(text, scan.at),
      reason: isCut ? "the JSON ends in the middle" : `no valid JSON: ${fault.message}`,
    };
  }
}

/** The line on which the value at `path` begins, or the nearest one above it that exists. */
export function lineOfPath(text: string, path: JsonPath): number {
  let best = 0;
  let depth = -1;
  const onValue = (place: JsonPath, at: number) => {
    if (
      place.length > depth &&
      place.length <= path.length &&
      place.every((key, index) => key === path[index])
    ) {
      best = at;
      depth = place.length;
    }
  };
  scanValue({ text, at: 0, path: [], onValue });
  return lineAt(text, best);
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

function scanValue(scan: Scan): void {
  skipSpace(scan);
  if (scan.path.length > MAX_DEPTH) throw new ScanFault(`nested deeper than ${MAX_DEPTH} levels`);
  scan.onValue(scan.path, scan.at);
  const char = scan.text[scan.at];
  if (char === "{") scanMembers(scan, "}", scanMember);
  else if (char === "[") scanMembers(scan, "]", scanElement);
  else if (char === '"') scanString(scan);
  else if (char === "t" || char === "f" || char === "n") take(scan, WORD, "an unknown word");
  else take(scan, NUMBER, "a value is missing here");
}

/** No regular expression: a text of many megabytes would overflow its stack. */
function scanString(scan: Scan): void {
  const { text } = scan;
  for (scan.at += 1; scan.at < text.length; ) {
    const code = text.charCodeAt(scan.at);
    if (code === 0x5c) take(scan, ESCAPE, "an unknown escape in a text");
    else if (code < 0x20) throw new ScanFault("a text with a line break or control character in it");
    else scan.at += 1;
    if (code === 0x22) return;
  }
  throw new ScanFault("a text that is not closed");
}

function scanMembers(scan: Scan, close: string, scanOne: (scan: Scan, index: number) => void): void {
  scan.at += 1;
  skipSpace(scan);
  if (scan.text[scan.at] === close) {
    scan.at += 1;
    return;
  }
  for (let index = 0; ; index++) {
    scanOne(scan, index);
    skipSpace(scan);
    const char = scan.text[scan.at];
    if (char !== "," && char !== close) throw new ScanFault(`"," or "${close}" is missing here`);
    scan.at += 1;
    if (char === close) return;
  }
}

function scanMember(scan: Scan): void {
  skipSpace(scan);
  const start = scan.at;
  if (scan.text[start] !== '"') throw new ScanFault("a key in double quotes is missing here");
  scanString(scan);
  const key = JSON.parse(scan.text.slice(start, scan.at)) as string;
  skipSpace(scan);
  if (scan.text[scan.at] !== ":") throw new ScanFault('":" is missing here');
  scan.at += 1;
  inside(scan, key);
}

function scanElement(scan: Scan, index: number): void {
  inside(scan, index);
}

function inside(scan: Scan, key: string | number): void {
  scan.path.push(key);
  scanValue(scan);
  scan.path.pop();
}

function take(scan: Scan, pattern: RegExp, fault: string): void {
  pattern.lastIndex = scan.at;
  if (!pattern.test(scan.text)) throw new ScanFault(fault);
  scan.at = pattern.lastIndex;
}

function skipSpace(scan: Scan): void {
  SPACE.lastIndex = scan.at;
  SPACE.test(scan.text);
  scan.at = SPACE.lastIndex;
}
