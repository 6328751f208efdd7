// Verifies chain after chain and says of each whether it is whole.
import { existsSync } from "node:fs";
import path from "node:path";
import { publicKeysOf } from "../../core/crypto/anchor-signer.ts";
import type { NamedKey } from "../../core/crypto/keyring.ts";
import { AppError } from "../../core/domain/app-error.ts";
import { createDatabase } from "../../core/persistence/database.ts";
import { type ChainProof, proveChain } from "../../core/services/audit/audit-proof.ts";
import { readAnchors } from "../../core/services/audit/read-anchors.ts";
import { listChains } from "./list-chains.ts";
import type { VerifyArguments } from "./read-arguments.ts";

export type VerifyOptions = VerifyArguments & {
  /** The owner's. */
  databaseUrl: string;
  encryptionKeys: readonly NamedKey[];
  /** Where the platform keeps its anchors. */
  defaultAnchors: string;
  onProof: (proof: ChainProof, ms: number) => void;
};

/** Resolves to whether all chains and all anchors are whole. Throws `no_anchors` for named anchors that are not there. */
export async function runVerify(options: VerifyOptions): Promise<boolean> {
  const { databaseUrl, encryptionKeys, publicKeys, onProof } = options;
  const anchorFolder = findAnchors(options);
  const keys = [...publicKeysOf(encryptionKeys), ...publicKeys];
  const chainIds = options.chainIds ?? (await listAll(databaseUrl, anchorFolder, keys));
  const database = createDatabase({ databaseUrl, role: "atelier_api", maxConnections: 1 });
  try {
    let ok = true;
    for (const id of chainIds) {
      const startedAt = performance.now();
      const chain = { id, principals: { workspaceIds: [id] } };
      const proof = await proveChain(
        { database, encryptionKeys: () => encryptionKeys, anchorFolder },
        chain,
        publicKeys,
      );
      onProof(proof, performance.now() - startedAt);
      ok &&= proof.ok;
    }
    return ok;
  } finally {
    await database.close();
  }
}

function findAnchors({ anchors, defaultAnchors }: VerifyOptions): string | undefined {
  if (anchors === null) return existsSync(defaultAnchors) ? defaultAnchors : undefined;
  const place = path.resolve(anchors);
  if (existsSync(place)) return place;
  throw new AppError("no_anchors", `There are no anchors at ${place}`);
}

/** A chain that is gone from the database altogether is still in its anchors. */
async function listAll(
  databaseUrl: string,
  anchorFolder: string | undefined,
  keys: readonly string[],
): Promise<string[]> {
  const stored = await listChains(databaseUrl);
  const anchored = anchorFolder ? (await readAnchors(anchorFolder, keys, null)).heads.keys() : [];
  return [...new Set([...stored, ...anchored])].sort();
}
