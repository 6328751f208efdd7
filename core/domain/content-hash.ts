// The fingerprint of a workflow version: equal graphs, equal hash, whatever the order of their keys.
import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import type { Graph } from "./graph.ts";

/** 32 bytes of SHA-256 over the canonical JSON. Throws what canonicalJson throws. */
export function contentHash(graph: Graph): Buffer {
  return createHash("sha256").update(canonicalJson(graph), "utf8").digest();
}
