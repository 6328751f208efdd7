// The old Studio's node types by their new names, where there is no doubt; the rest keep theirs.
import names from "./node-type-names.json" with { type: "json" };

const NAMES = new Map(Object.entries(names));
// What React Flow calls a node that is drawn by the application: its real type is in its data.
const DRAWN = new Set(["default", "custom", "node", "workflow", "workflownode", "customnode"]);

/** Where a drawn node's data says its type, by the key that holds it. */
export function findDataType(type: unknown, data: Readonly<Record<string, unknown>>): string | null {
  if (typeof type === "string" && !DRAWN.has(type.toLowerCase())) return null;
  const key = ["type", "nodeType", "kind"].find((name) => typeof data[name] === "string");
  return key ?? null;
}

/** `httpRequest`, `http_request` and `HTTP Request` are one name. */
export function mapNodeType(type: string): string {
  const plain = type
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .toLowerCase()
    .replace(/[_\s-]+/g, "-");
  return NAMES.get(plain) ?? NAMES.get(plain.replace(/-node$/, "")) ?? type;
}
