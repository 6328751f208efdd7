// The old Studio's secrets. What they say never leaves this record; faults name them by their name only.
import type { FoundFile } from "./list-files.ts";
import { type PartFault, textOf } from "./read-graph.ts";
import { readTime } from "./read-time.ts";
import { fieldsOf } from "./read-workflow.ts";

export type OldCredential = {
  legacyId: string;
  name: string;
  type: string;
  data: Readonly<Record<string, unknown>>;
  allowedHosts: string[];
  createdAt: string;
};

const TYPES: Readonly<Record<string, string>> = {
  bearer: "http.bearer",
  token: "http.bearer",
  basic: "http.basic",
  header: "http.header",
  postgresql: "postgres",
};

/** `{"name": {type, data}}` or `[{name, type, data}]`. */
export function readCredentials(
  value: unknown,
  file: FoundFile,
): { credentials: OldCredential[]; faults: PartFault[] } {
  const credentials: OldCredential[] = [];
  const faults: PartFault[] = [];
  const seen = new Set<string>();
  const fields = fieldsOf(value);
  if (!Array.isArray(value) && !fields)
    faults.push({ path: [], reason: "neither a list nor an object of credentials" });
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(fields ?? {});
  for (const [key, entry] of entries) {
    const read = readCredential(key, entry, file);
    if (typeof read === "string") faults.push({ path: [key], reason: read });
    else if (seen.has(read.legacyId)) {
      faults.push({ path: [key], reason: `the credential "${read.legacyId}" stands there twice` });
    } else {
      seen.add(read.legacyId);
      credentials.push(read);
    }
  }
  return { credentials, faults };
}

/** The reason when it cannot be used. */
function readCredential(key: string | number, entry: unknown, file: FoundFile): OldCredential | string {
  const fields = fieldsOf(entry);
  const name = typeof key === "string" ? key : textOf(fields?.name);
  if (!fields || !name) return "a credential without a name";
  const type = textOf(fields.type);
  const data = fieldsOf(fields.data);
  if (type === null || !data) return `the credential "${name}" has no type or no data object`;
  const hosts = Array.isArray(fields.allowedHosts) ? fields.allowedHosts : [];
  return {
    legacyId: textOf(fields.id) ?? name,
    name,
    type: TYPES[type.toLowerCase()] ?? type,
    data,
    allowedHosts: hosts.filter((host) => typeof host === "string"),
    createdAt: readTime(fields.createdAt ?? fields.created_at) ?? file.modifiedAt,
  };
}
