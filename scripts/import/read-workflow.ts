// A workflow file and a version file of the old Studio, as records.
import type { FoundFile } from "./list-files.ts";
import { type OldGraph, type PartFault, readGraph, textOf } from "./read-graph.ts";
import { readTime } from "./read-time.ts";

export type OldWorkflow = {
  legacyId: string;
  name: string;
  description: string;
  graph: OldGraph;
  createdAt: string;
  updatedAt: string;
  faults: PartFault[];
};

export type OldVersion = {
  version: number;
  note: string;
  graph: OldGraph;
  createdAt: string;
  faults: PartFault[];
};

type Fields = Readonly<Record<string, unknown>>;

/** A fault of the whole file when it is no workflow at all. */
export function readWorkflow(value: unknown, file: FoundFile): OldWorkflow | PartFault {
  const fields = fieldsOf(value);
  const read = fields && readGraph(fields);
  if (!fields || !read) return { path: [], reason: "no workflow: there is no list of nodes" };
  const ownName = baseName(file);
  const createdAt = readTime(fields.createdAt ?? fields.created_at) ?? file.modifiedAt;
  return {
    legacyId: textOf(fields.id) ?? ownName,
    name: textOf(fields.name) ?? ownName,
    description: typeof fields.description === "string" ? fields.description : "",
    createdAt,
    updatedAt: readTime(fields.updatedAt ?? fields.updated_at) ?? createdAt,
    ...read,
  };
}

/** The number comes from the file's content, else from its name (`3.json`, `v3.json`). */
export function readVersion(value: unknown, file: FoundFile): OldVersion | PartFault {
  const fields = fieldsOf(value);
  const read = fields && readGraph(fields);
  if (!fields || !read) return { path: [], reason: "no version: there is no list of nodes" };
  const version = Number(fields.version ?? /^v?(\d+)$/i.exec(baseName(file))?.[1]);
  if (!Number.isInteger(version) || version < 1 || version > 1_000_000) {
    return { path: ["version"], reason: "the version is no number from 1 to 1,000,000" };
  }
  const author = textOf(fields.author);
  return {
    version,
    note: [textOf(fields.note) ?? textOf(fields.message), author === null ? null : `by ${author}`, "imported"]
      .filter((part) => part !== null)
      .join(", "),
    createdAt: readTime(fields.createdAt ?? fields.created_at) ?? file.modifiedAt,
    ...read,
  };
}

export function baseName({ file }: FoundFile): string {
  return (file.split("/").at(-1) ?? file).replace(/\.json$/i, "");
}

export function fieldsOf(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}
