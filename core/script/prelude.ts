// What is evaluated in a fresh QuickJS before the script: pins time and chance, brings the data in and takes the result out.

/** The names a script finds its data under, in this order. */
export const SCRIPT_NAMES = ["input", "nodes", "item", "index", "trigger", "execution"] as const;

/** File name of the script in QuickJS's stack traces. */
export const SCRIPT_FILE = "script.js";

/**
 * A function of (startedAt, state, data) that gives `{run, outcome}`. `run(script)` fills `outcome`: `state` is pending,
 * done (`text` is the JSON of the result, undefined when it has none) or failed (`name`, `message`, `stack`); `log` and
 * `dropped` are what the script wrote to the console. Whatever the script replaces later, this uses what it took first.
 * The only Date that can be reached afterwards is the pinned one: the real one's `prototype.constructor` leads to it too.
 */
export const PRELUDE = `(function (startedAt, state, data) {
  "use strict";
  const { parse, stringify } = JSON;
  const { construct, ownKeys, getOwnPropertyDescriptor, defineProperty } = Reflect;
  const { imul } = Math;
  const slice = Function.prototype.call.bind(String.prototype.slice);
  const RealDate = Date;

  function PinnedDate(...parts) {
    if (new.target === undefined) return new RealDate(startedAt).toString();
    return construct(RealDate, parts.length === 0 ? [startedAt] : parts, new.target);
  }
  for (const key of ownKeys(RealDate)) {
    const property = getOwnPropertyDescriptor(RealDate, key);
    if (key === "now") property.value = function now() { return startedAt; };
    defineProperty(PinnedDate, key, property);
  }
  defineProperty(RealDate.prototype, "constructor", {
    value: PinnedDate, writable: true, enumerable: false, configurable: true,
  });
  globalThis.Date = PinnedDate;
  Math.random = function random() {
    state = (state + 0x9e3779b9) | 0;
    let mixed = imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 4294967296;
  };
  // When memory is collected must not be seen: it differs from run to run.
  delete globalThis.WeakRef;
  delete globalThis.FinalizationRegistry;

  const MAX_LOG = 8000;
  const outcome = { __proto__: null, state: "pending", text: undefined, name: "", message: "", stack: "", log: "", dropped: 0 };
  const show = (value) => {
    if (typeof value === "string") return value;
    try {
      return stringify(value) ?? \`\${typeof value}\`;
    } catch {
      return typeof value;
    }
  };
  const write = (...values) => {
    let line = "";
    for (let i = 0; i < values.length && line.length < MAX_LOG; i++) line += (i === 0 ? "" : " ") + show(values[i]);
    if (outcome.log.length + line.length > MAX_LOG) outcome.dropped++;
    else outcome.log += line + "\\n";
  };
  globalThis.console = { log: write, info: write, warn: write, error: write, debug: write };

  const textOf = (value) => {
    try {
      return slice(\`\${value}\`, 0, 2000);
    } catch {
      return "";
    }
  };
  async function run(script) {
    try {
      const value = await script(data.input, data.nodes, data.item, data.index, data.trigger, data.execution);
      outcome.text = value === undefined ? "null" : stringify(value);
      outcome.state = "done";
    } catch (error) {
      const isObject = typeof error === "object" && error !== null;
      outcome.state = "failed";
      outcome.name = isObject ? textOf(error.name ?? "Error") : "Error";
      outcome.message = isObject ? textOf(error.message ?? "") : textOf(error);
      outcome.stack = isObject ? textOf(error.stack ?? "") : "";
    }
  }
  data = parse(data);
  return { run, outcome };
})`;

/** Strict, as every module is today. The script starts on line 2. */
export function wrapScript(source: string): string {
  return `(async function (${SCRIPT_NAMES.join(", ")}) {\n${source}\n})`;
}

/**
 * Two frames that a source fits both only when its brackets are balanced: after a `}` too many the first wants a
 * statement and the second a comma. So nothing can leave the function it is the body of.
 */
export function checkFrames(source: string): readonly string[] {
  const names = SCRIPT_NAMES.join(", ");
  return [`async function script(${names}) {\n${source}\n}`, `({ async script(${names}) {\n${source}\n} })`];
}
