// What a person changed between two versions, without the noise of moving boxes about.
import { canonicalJson } from "./canonical-json.ts";
import type { Graph, GraphEdge, GraphNode } from "./graph.ts";
import { jsonEqual, presentMembers } from "./json-equal.ts";

/** `before` or `after` is absent where the value did not exist. */
export type Change = { path: string; before?: unknown; after?: unknown };

export type GraphDiff = {
  nodes: {
    added: GraphNode[];
    removed: GraphNode[];
    changed: Array<{ id: string; changes: Change[] }>;
    moved: Array<{ id: string; before?: unknown; after?: unknown }>;
  };
  edges: { added: GraphEdge[]; removed: GraphEdge[] };
  settings: Change[];
};

// What the editor remembers about a box or a line; none of it changes what runs.
const VIEW_KEYS = new Set(["measured", "width", "height", "selected", "dragging", "positionAbsolute"]);

/** Nodes are the same by id, edges by all they say but their id. Equal graphs give only empty lists. */
export function diffGraphs(before: Graph, after: Graph): GraphDiff {
  const old = new Map(before.nodes.map((node) => [node.id, node]));
  const now = new Map(after.nodes.map((node) => [node.id, node]));
  const kept = [...now.values()].flatMap((node) => {
    const was = old.get(node.id);
    return was ? [{ id: node.id, was, node }] : [];
  });
  return {
    nodes: {
      added: [...now.values()].filter((node) => !old.has(node.id)),
      removed: [...old.values()].filter((node) => !now.has(node.id)),
      changed: kept
        .map(({ id, was, node }) => ({ id, changes: diffValues(content(was), content(node)) }))
        .filter(({ changes }) => changes.length > 0),
      moved: kept
        .filter(({ was, node }) => !jsonEqual(was.position, node.position))
        .map(({ id, was, node }) => ({ id, ...sides(was.position, node.position) })),
    },
    edges: diffEdges(before.edges, after.edges),
    settings: diffValues(before.settings ?? {}, after.settings ?? {}),
  };
}

function content(node: GraphNode): object {
  return Object.fromEntries(
    Object.entries(node).filter(([key]) => key !== "position" && !VIEW_KEYS.has(key)),
  );
}

function diffEdges(before: readonly GraphEdge[], after: readonly GraphEdge[]): GraphDiff["edges"] {
  const old = new Set(before.map(edgeKey));
  const now = new Set(after.map(edgeKey));
  return {
    added: after.filter((edge) => !old.has(edgeKey(edge))),
    removed: before.filter((edge) => !now.has(edgeKey(edge))),
  };
}

/** React Flow writes null for a handle that is not there, people leave it out: the same edge. */
function edgeKey(edge: GraphEdge): string {
  const told = Object.entries(edge).filter(
    ([key, value]) => key !== "id" && value !== null && !VIEW_KEYS.has(key),
  );
  return canonicalJson(Object.fromEntries(told));
}

/** The smallest changes that lead from one value to the other; arrays are compared place by place. */
function diffValues(before: unknown, after: unknown, path = ""): Change[] {
  if (jsonEqual(before, after)) return [];
  if (!isContainer(before) || !isContainer(after) || Array.isArray(before) !== Array.isArray(after)) {
    return [{ path, ...sides(before, after) }];
  }
  const old = presentMembers(before);
  const now = presentMembers(after);
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) =>
    diffValues(old.get(key), now.get(key), path === "" ? key : `${path}.${key}`),
  );
}

function sides(before: unknown, after: unknown): { before?: unknown; after?: unknown } {
  return { ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
