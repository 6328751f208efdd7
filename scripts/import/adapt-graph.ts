// An old graph in the shape the platform keeps: what does not fit is put beside it under `legacy`, never dropped.
import { graphSchema } from "../../core/domain/graph.ts";
import { findDefinition } from "../../core/nodes/definitions.ts";
import { findDataType, mapNodeType } from "./map-node-type.ts";
import type { OldGraph } from "./read-graph.ts";
import { type NodeNames, renameReferences } from "./rename-references.ts";

type Fields = Record<string, unknown>;
export type AdaptedGraph = { nodes: Fields[]; edges: Fields[]; settings?: unknown };

export type Adaptation = {
  names: NodeNames;
  /** Old credential id or name → id. */
  credentials: ReadonlyMap<string, string>;
  /** Told what was put aside. */
  remark: (nodeId: string, message: string) => void;
};

const DATA_KEYS = new Set(["label", "config", "credentials", "retry", "timeoutMs", "onError", "pinned"]);
const nodeSchema = graphSchema.shape.nodes.element;

export function adaptGraph(graph: OldGraph, adaptation: Adaptation): AdaptedGraph {
  const { renames } = adaptation.names;
  const settings = graphSchema.shape.settings.safeParse(graph.settings);
  if (!settings.success) adaptation.remark("", "the graph's settings are not understood and left out");
  return {
    nodes: graph.nodes.map((node) => adaptNode(node, adaptation)),
    edges: graph.edges.map((edge) => ({
      ...edge,
      source: renames.get(edge.source) ?? edge.source,
      target: renames.get(edge.target) ?? edge.target,
    })),
    ...(settings.success && settings.data ? { settings: settings.data } : {}),
  };
}

function adaptNode(old: OldGraph["nodes"][number], adaptation: Adaptation): Fields {
  const { id, type, position, data: oldData, ...rest } = old;
  const legacy: Fields = {};
  const data: Fields = {};
  const source = isFields(oldData) ? oldData : {};
  if (oldData !== undefined && !isFields(oldData)) legacy.data = oldData;
  const typeKey = findDataType(type, source);
  const loose: Fields = {};
  for (const [key, value] of Object.entries(source)) {
    if (key === typeKey) continue;
    if (key === "credentials") Object.assign(data, adaptCredentials(value, legacy, adaptation.credentials));
    else (DATA_KEYS.has(key) ? data : loose)[key] = value;
  }
  // Nodes that had no `config` kept their settings directly in their data.
  if (data.config === undefined && Object.keys(loose).length > 0) data.config = loose;
  else Object.assign(legacy, loose);
  const nodeType = mapNodeType(String((typeKey === null ? type : source[typeKey]) ?? "unknown"));
  const node: Fields = {
    ...rest,
    id: adaptation.names.renames.get(id) ?? id,
    type: nodeType,
    ...(position === undefined ? {} : { position }),
    data: renameInData(nodeType, data, adaptation.names),
  };
  putAside(node, legacy);
  if (Object.keys(legacy).length === 0) return node;
  adaptation.remark(id, `node "${id}": ${Object.keys(legacy).join(", ")} is kept aside under "legacy"`);
  return { ...node, legacy };
}

/** Where `{{` is no expression (a script's source), nothing that looks like one is touched. */
function renameInData(type: string, data: Fields, names: NodeNames): unknown {
  const { config } = data;
  const literal = Object.keys(findDefinition(type)?.literal ?? {});
  if (!isFields(config) || literal.length === 0) return renameReferences(data, names);
  const kept = Object.fromEntries(
    literal.flatMap((key) => (Object.hasOwn(config, key) ? [[key, config[key]]] : [])),
  );
  const renamed = renameReferences(config, names) as Fields;
  return { ...(renameReferences(data, names) as Fields), config: { ...renamed, ...kept } };
}

/** Moves what the platform's schema refuses out of the way. */
function putAside(node: Fields, legacy: Fields): void {
  const checked = nodeSchema.safeParse(node);
  for (const { path } of checked.error?.issues ?? []) {
    const [field, key] = path;
    if (field === "position" && "position" in node) {
      legacy.position = node.position;
      delete node.position;
    }
    const data = node.data as Fields;
    if (field === "data" && typeof key === "string" && key in data) {
      legacy[key] = data[key];
      delete data[key];
    }
  }
}

/** Slots named credentials; the ones that came with the import are cited by their new ids. */
function adaptCredentials(value: unknown, legacy: Fields, ids: ReadonlyMap<string, string>): Fields {
  const known: Fields = {};
  const unknown: Fields = {};
  const slots = isFields(value) ? Object.entries(value) : [];
  for (const [slot, cited] of slots) {
    const id = typeof cited === "string" ? ids.get(cited) : undefined;
    if (id === undefined) unknown[slot] = cited;
    else known[slot] = id;
  }
  if (!isFields(value)) legacy.credentials = value;
  else if (Object.keys(unknown).length > 0) legacy.credentials = unknown;
  return Object.keys(known).length > 0 ? { credentials: known } : {};
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
