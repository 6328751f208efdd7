// What a session with PostgreSQL is set to, so that a statement means the same whatever its server, database or role has set.

/** Of every session but people's own to their databases. */
export const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  // A month later is another instant in another zone.
  TimeZone: "UTC",
  DateStyle: "ISO, MDY",
  // What is looked at after a lock was waited for is what was committed meanwhile.
  default_transaction_isolation: "read committed",
  standard_conforming_strings: "on",
  search_path: "public",
};

/** As the parameter `options` of a connection. */
export function startupOptions(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replace(/[\\ ]/g, "\\$&")}`)
    .join(" ");
}

/** Of the owner's sessions, which may take as long as they take: statements, which also go through a pooler. */
export const OWNER_SESSION = Object.entries({ ...SESSION_SETTINGS, statement_timeout: "0" })
  .map(([name, value]) => `set ${name} to '${value}'`)
  .join("; ");
