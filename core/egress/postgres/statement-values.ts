// Values on their way into a statement: each as text that PostgreSQL reads by the type it expects there.

/**
 * Text, numbers and booleans as they are, a list as an array literal, any other object as JSON; null stays null. What
 * comes out is sent beside the statement, never inside it.
 */
export function toStatementValue(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return arrayLiteral(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function arrayLiteral(items: readonly unknown[]): string {
  return `{${items.map((item) => (Array.isArray(item) ? arrayLiteral(item) : element(item))).join(",")}}`;
}

function element(item: unknown): string {
  const text = toStatementValue(item);
  return text === null ? "NULL" : `"${text.replace(/["\\]/g, "\\$&")}"`;
}
