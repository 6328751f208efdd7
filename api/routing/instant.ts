// Points in time as clients send them: any offset, normalised before PostgreSQL sees them.
import { z } from "zod";

const YEAR_10000 = Date.UTC(10_000, 0, 1);

/** ISO 8601 with an offset, between 1970 and 9999 in UTC; comes out as ISO in UTC with milliseconds. */
export const instant = z.iso.datetime({ offset: true }).transform((text, context) => {
  const at = Date.parse(text);
  if (at >= 0 && at < YEAR_10000) return new Date(at).toISOString();
  context.addIssue({ code: "custom", message: "give a time between 1970 and 9999" });
  return z.NEVER;
});
