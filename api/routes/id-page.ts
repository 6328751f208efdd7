// Pages of rows that are sorted by their id, newest first.
import { z } from "zod";
import { decodeCursor, encodeCursor, foreignCursor, type Page } from "../routing/pagination.ts";

const uuid = z.uuid();

/** The id to go on before. Throws `invalid_request` for a cursor of another making. */
export function readIdCursor(cursor: string | undefined): string | undefined {
  const id = decodeCursor(cursor, 1)?.[0];
  if (id !== undefined && !uuid.safeParse(id).success) throw foreignCursor();
  return id;
}

/** `rows` were asked for with a limit of one more than `limit`: that one says whether there is a next page. */
export function toPage<Row>(rows: readonly Row[], limit: number, keyOf: (row: Row) => string): Page<Row> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return {
    items,
    nextCursor: last !== undefined && rows.length > limit ? encodeCursor([keyOf(last)]) : null,
  };
}
