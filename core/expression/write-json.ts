// JSON text from a result without ever calling code that sits in the data: no toJSON, no valueOf, no getters of classes.

import { failedError, limitError, MAX_DEPTH } from "./expression-errors.ts";

/** `rounded`: numbers as JSONata's `&` and `$string` write them, at 15 significant digits (0.1 + 0.2 is 0.3). */
export type JsonOptions = { readonly maxBytes: number; readonly rounded?: boolean };

/**
 * The value as JSON, undefined for undefined. Arrays go by index, objects by own enumerable keys whatever their
 * prototype; undefined members are left out of objects and null in arrays. Throws `expression_limit` over `maxBytes`
 * (UTF-8) or deeper than 200, `expression_failed` for functions and for numbers that JSON does not have.
 */
export function writeJson(value: unknown, options: JsonOptions): string | undefined {
  if (value === undefined) return undefined;
  const writer = { bytes: 0, options };
  return writeValue(writer, value, 0);
}

type Writer = { bytes: number; readonly options: JsonOptions };

function writeValue(writer: Writer, value: unknown, depth: number): string {
  if (typeof value === "string") return count(writer, JSON.stringify(value));
  if (typeof value === "number") return count(writer, writeNumber(value, writer.options.rounded === true));
  if (typeof value === "boolean" || value === null || value === undefined)
    return count(writer, value === undefined ? "null" : String(value));
  if (depth >= MAX_DEPTH && typeof value === "object") throw depthError();
  if (Array.isArray(value)) return writeArray(writer, value, depth);
  if (typeof value === "object" && isPlain(value)) return writeObject(writer, value, depth);
  throw notJsonError();
}

function writeArray(writer: Writer, value: readonly unknown[], depth: number): string {
  const parts: string[] = [];
  for (let i = 0; i < value.length; i++) parts.push(writeValue(writer, value[i], depth + 1));
  count(writer, "[]");
  writer.bytes += value.length;
  return `[${parts.join(",")}]`;
}

function writeObject(writer: Writer, value: object, depth: number): string {
  const parts: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const name = count(writer, JSON.stringify(key));
    writer.bytes += 2;
    parts.push(`${name}:${writeValue(writer, member, depth + 1)}`);
  }
  count(writer, "{}");
  return `{${parts.join(",")}}`;
}

function count(writer: Writer, text: string): string {
  writer.bytes += text.length < 16 ? text.length : Buffer.byteLength(text);
  if (writer.bytes > writer.options.maxBytes) throw outputError(writer.options.maxBytes);
  return text;
}

function writeNumber(value: number, rounded: boolean): string {
  // JSONata's $string lets JSON.stringify turn NaN inside a value into null, but refuses infinity.
  if (rounded && Number.isNaN(value)) return "null";
  if (!Number.isFinite(value)) throw numberError(value);
  const exact = rounded && !Number.isInteger(value) ? Number(value.toPrecision(15)) : value;
  return JSON.stringify(exact);
}

/** Plain means made by JSON, a literal or `Object.create(null)`; JSONata's functions and lambdas are marked objects. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return !isMarked(value, "_jsonata_lambda") && !isMarked(value, "_jsonata_function");
}

function isMarked(value: object, key: string): boolean {
  return Object.hasOwn(value, key) && Reflect.get(value, key) === true;
}

export function outputError(maxBytes: number): Error {
  return limitError("output", `The result is larger than ${Math.round(maxBytes / 1024)} KB of JSON`);
}

export function depthError(): Error {
  return limitError("depth", `The result is nested deeper than ${MAX_DEPTH}`);
}

export function notJsonError(): Error {
  return failedError("D3001", "The result is a function or another thing that JSON does not have");
}

export function numberError(value: number): Error {
  return failedError("D1001", `Number out of range: ${String(value)}`);
}
