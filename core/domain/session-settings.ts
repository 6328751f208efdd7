// What a session with PostgreSQL is set to, so that a statement means the same whatever its server, database or role has set.

/** Sent with the connection. */
export const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  // A month later is another instant in another zone.
  TimeZone: "UTC",
  DateStyle: "ISO",
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
