// Instants as PostgreSQL and JSON read them.

/** ms since the epoch to ISO 8601. */
export function writeInstant(instant: number): string {
  return new Date(instant).toISOString();
}
