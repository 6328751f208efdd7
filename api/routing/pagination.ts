// Keyset pages: a limit and an opaque cursor that says where the next page begins.
import { z } from "zod";
import { AppError } from "#core/domain/app-error.ts";

export const MAX_PAGE = 200;
const MAX_CURSOR_CHARS = 500;

/** Spread into a strict query schema: `z.strictObject({ ...pageQuery, status: … })`. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(50),
  cursor: z.string().min(1).max(MAX_CURSOR_CHARS).optional(),
};

/** The schema of one page of a list. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

export type Page<Item> = { items: Item[]; nextCursor: string | null };

/** Packs the sort key of a page's last row; clients must not look inside. */
export function encodeCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/** Unpacks a cursor with `parts` text keys, undefined stays undefined. Throws `invalid_request`. */
export function decodeCursor(cursor: string | undefined, parts: number): string[] | undefined {
  if (cursor === undefined) return undefined;
  const key = readJson(Buffer.from(cursor, "base64url").toString("utf8"));
  const isKey = Array.isArray(key) && key.length === parts && key.every((part) => typeof part === "string");
  // What is only nearly ours (other spaces, stray characters) is somebody's making all the same.
  if (isKey && encodeCursor(key) === cursor) return key;
  throw foreignCursor();
}

/** For a cursor that holds what its list never put there. */
export function foreignCursor(): AppError {
  return new AppError("invalid_request", "The cursor was not made by this list", {
    problems: [{ path: "cursor", message: "give the nextCursor of the page before, unchanged" }],
  });
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
