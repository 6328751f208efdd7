// What PostgreSQL's text says as JSON: by type, without losing a digit, the same on every server.
import pg from "pg";
import { AppError } from "#core/domain/app-error.ts";
import type { Column, StatementAnswer } from "./run-statement.ts";

type Read = (text: string) => unknown;

const {
  BOOL,
  BYTEA,
  DATE,
  FLOAT4,
  FLOAT8,
  INT2,
  INT4,
  INT8,
  JSON: JSON_TYPE,
  JSONB,
  OID,
} = pg.types.builtins;
const { TEXT, TIMESTAMP, TIMESTAMPTZ } = pg.types.builtins;

/** Infinity and NaN are no JSON, and a bigint beyond 2^53 no JavaScript number: they stay text. */
const readNumber: Read = (text) => {
  const number = Number(text);
  return Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))
    ? number
    : text;
};
const readFloat: Read = (text) => (Number.isFinite(Number(text)) ? Number(text) : text);

/** ISO 8601 with all the digits of the seconds. Times before Christ and infinity, which it cannot say, stay as they are. */
const readTime: Read = (text) => {
  const [, day, time, isUtc] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(\+00)?$/.exec(text) ?? [];
  return day === undefined ? text : `${day}T${time}${isUtc ? "Z" : ""}`;
};
const readBytes: Read = (text) => Buffer.from(text.replace(/^\\x/, ""), "hex").toString("base64");

const readers: ReadonlyMap<number, Read> = new Map<number, Read>([
  [BOOL, (text) => text === "t"],
  [INT2, readNumber],
  [INT4, readNumber],
  [INT8, readNumber],
  [OID, readNumber],
  [FLOAT4, readFloat],
  [FLOAT8, readFloat],
  [JSON_TYPE, JSON.parse],
  [JSONB, JSON.parse],
  [TIMESTAMP, readTime],
  [TIMESTAMPTZ, readTime],
  [BYTEA, readBytes],
]);

/** By the number of the array's type, that of its elements'. Types of extensions and of the author's own stay text. */
const TEXT_ARRAYS = [1009, 1015, 1014, 1002, 1003, 1231, 2951, 1183, 1270, 1187, 1041, 651, 791];
const elements: ReadonlyMap<number, number> = new Map<number, number>([
  [1000, BOOL],
  [1001, BYTEA],
  [1005, INT2],
  [1007, INT4],
  [1016, INT8],
  [1028, OID],
  [1021, FLOAT4],
  [1022, FLOAT8],
  [199, JSON_TYPE],
  [3807, JSONB],
  [1115, TIMESTAMP],
  [1185, TIMESTAMPTZ],
  [1182, DATE],
  // text, varchar, char, "char", name, numeric, uuid, time, timetz, interval, inet, cidr, money.
  ...TEXT_ARRAYS.map((type): [number, number] => [type, TEXT]),
]);

// The driver reads text[]; the list of types in its declarations just leaves arrays out.
const readTextArray: Read = pg.types.getTypeParser(1009 as typeof TEXT);

/**
 * Each row as an object by column name. Throws `sql_duplicate_column` where a name would hide another column, and
 * `sql_bad_answer` for text that its type cannot have.
 */
export function readRows({ columns, rows }: StatementAnswer): Record<string, unknown>[] {
  const names = columns.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) {
    const message = `Two columns of the result are called "${twice}"; name them apart with "as"`;
    throw new AppError("sql_duplicate_column", message);
  }
  const read = columns.map(readerOf);
  try {
    return rows.map((fields) =>
      Object.fromEntries(
        names.map((name, index) => {
          const text = fields[index];
          return [name, text === null || text === undefined ? null : read[index]?.(text)];
        }),
      ),
    );
  } catch (cause) {
    throw new AppError("sql_bad_answer", "A value of the result does not fit its type", { cause });
  }
}

function readerOf({ type }: Column): Read {
  const element = elements.get(type);
  if (element === undefined) return readers.get(type) ?? String;
  const read = readers.get(element) ?? String;
  return (text) => deepMap(readTextArray(text), read);
}

function deepMap(value: unknown, read: Read): unknown {
  if (Array.isArray(value)) return value.map((item) => deepMap(item, read));
  return typeof value === "string" ? read(value) : null;
}
