// Pages of rows that are sorted by their id, newest first.
import { z } from "zod";
import type { IdPage } from "#core/domain/id-page.ts";
import { decodeCursor, encodeCursor, foreignCursor, type Page } from "../routing/pagination.ts";
import type { Reply } from "../routing/route.ts";

const uuid = z.uuid();

/** The answer of a list: `read` is asked for one row more than the page has, which says whether there is a next one. */
export async function replyPage<Row extends { id: string }>(
  { limit, cursor }: { limit: number; cursor?: string | undefined },
  read: (page: IdPage) => Promise<Row[]>,
): Promise<Reply> {
  const rows = await read({ before: readIdCursor(cursor), limit: limit + 1 });
  return { status: 200, body: toPage(rows, limit, (row) => row.id) };
}

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
