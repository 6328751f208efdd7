// The values of JSONata's operators, case by case as JSONata 2.2.2 decides them (proved by the differential test).

import { failedError, limitError } from "./expression-errors.ts";
import { type Meter, spend } from "./meter.ts";
import { writeJson } from "./write-json.ts";

export type Operator = (lhs: unknown, rhs: unknown, position: number | undefined, meter: Meter) => unknown;

// Deep enough for all JSON that the platform stores, shallow enough for any stack.
const MAX_COMPARE_DEPTH = 500;

/** JSONata's isNumeric: false for NaN, an error for infinity, so an overflow fails at its first use. */
function isNumeric(value: unknown, position: number | undefined): value is number {
  if (typeof value !== "number" || Number.isNaN(value)) return false;
  if (!Number.isFinite(value)) throw failedError("D1001", `Number out of range: ${value}`, position);
  return true;
}

function arithmetic(token: string, compute: (lhs: number, rhs: number) => number): Operator {
  return (lhs, rhs, position) => {
    if (lhs !== undefined && !isNumeric(lhs, position)) throw notANumber("T2001", "left", token, position);
    if (rhs !== undefined && !isNumeric(rhs, position)) throw notANumber("T2002", "right", token, position);
    return lhs === undefined || rhs === undefined ? undefined : compute(lhs, rhs);
  };
}

function notANumber(code: string, side: string, token: string, position: number | undefined): Error {
  return failedError(code, `The ${side} side of "${token}" is not a number`, position);
}

function comparison(token: string, numbers: (order: number) => boolean): Operator {
  return (lhs, rhs, position) => {
    if (!isComparable(lhs) || !isComparable(rhs)) {
      throw failedError("T2010", `Only numbers and strings can be compared with "${token}"`, position);
    }
    if (lhs === undefined || rhs === undefined) return undefined;
    if (typeof lhs !== typeof rhs) {
      throw failedError("T2009", `A number and a string cannot be compared with "${token}"`, position);
    }
    if (Number.isNaN(lhs) || Number.isNaN(rhs)) return false;
    return numbers(lhs < rhs ? -1 : lhs > rhs ? 1 : 0);
  };
}

function isComparable(value: unknown): value is string | number | undefined {
  return value === undefined || typeof value === "string" || typeof value === "number";
}

export const BINARY_OPERATORS: Readonly<Record<string, Operator>> = {
  "+": arithmetic("+", (lhs, rhs) => lhs + rhs),
  "-": arithmetic("-", (lhs, rhs) => lhs - rhs),
  "*": arithmetic("*", (lhs, rhs) => lhs * rhs),
  "/": arithmetic("/", (lhs, rhs) => lhs / rhs),
  "%": arithmetic("%", (lhs, rhs) => lhs % rhs),
  "<": comparison("<", (order) => order < 0),
  "<=": comparison("<=", (order) => order <= 0),
  ">": comparison(">", (order) => order > 0),
  ">=": comparison(">=", (order) => order >= 0),
  "=": (lhs, rhs, _position, meter) =>
    lhs !== undefined && rhs !== undefined && deepEqual(lhs, rhs, meter, 0),
  "!=": (lhs, rhs, _position, meter) =>
    lhs !== undefined && rhs !== undefined && !deepEqual(lhs, rhs, meter, 0),
  in: isIn,
  "&": concatenate,
};

export function negate(value: unknown, position: number | undefined): unknown {
  if (value === undefined) return undefined;
  if (!isNumeric(value, position)) throw failedError("D1002", "Only a number can be negated", position);
  return -value;
}

/** Effective boolean value: empty strings, arrays, objects, 0, null and undefined are false; an array is true when one member is. */
export function toBoolean(value: unknown, position: number | undefined, meter: Meter): boolean {
  if (typeof value === "boolean") return value;
  if (typeof value === "string") return value !== "";
  if (typeof value === "number") return isNumeric(value, position) && value !== 0;
  if (typeof value !== "object" || value === null) return false;
  if (!Array.isArray(value)) return Object.keys(value).length > 0;
  spend(meter, value.length);
  // Every member is looked at, because an infinite number fails even behind a true one.
  let some = false;
  for (const member of value) some = toBoolean(member, position, meter) || some;
  return some;
}

function isIn(lhs: unknown, rhs: unknown, _position: number | undefined, meter: Meter): boolean {
  if (lhs === undefined || rhs === undefined) return false;
  if (!Array.isArray(rhs)) return lhs === rhs;
  spend(meter, rhs.length);
  // Strict equality, NaN included: not `includes`, which finds NaN.
  return rhs.indexOf(lhs) >= 0;
}

function concatenate(lhs: unknown, rhs: unknown, position: number | undefined, meter: Meter): string {
  const text = toText(lhs, position, meter) + toText(rhs, position, meter);
  if (text.length > meter.maxBytes) throw limitError("output", "A text grows too large");
  return text;
}

/** `&`'s text of a value: undefined is empty, objects and arrays are JSON, numbers have at most 15 significant digits. */
export function toText(value: unknown, position: number | undefined, meter: Meter): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw failedError("D3001", "A number that is not finite has no text", position);
  }
  const text = writeJson(value, { maxBytes: meter.maxBytes, rounded: true }) ?? "";
  if (typeof value === "object") spend(meter, text.length);
  return text;
}

function deepEqual(lhs: unknown, rhs: unknown, meter: Meter, depth: number): boolean {
  if (lhs === rhs) return true;
  if (typeof lhs !== "object" || typeof rhs !== "object" || lhs === null || rhs === null) return false;
  if (depth > MAX_COMPARE_DEPTH) throw limitError("depth", "The compared values are nested too deeply");
  if (Array.isArray(lhs) && Array.isArray(rhs)) {
    if (lhs.length !== rhs.length) return false;
    spend(meter, lhs.length);
    return lhs.every((member, i) => deepEqual(member, rhs[i], meter, depth + 1));
  }
  if (Array.isArray(lhs) || Array.isArray(rhs)) return false;
  const keys = Object.keys(lhs);
  if (keys.length !== Object.keys(rhs).length) return false;
  spend(meter, keys.length);
  return keys.every(
    (key) =>
      Object.hasOwn(rhs, key) && deepEqual(Reflect.get(lhs, key), Reflect.get(rhs, key), meter, depth + 1),
  );
}
