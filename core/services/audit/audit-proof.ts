// Proof that an audit chain is whole: recomputed from its rows, and compared with the heads kept outside.
import {
  type AnchorSigner,
  createAnchorSigner,
  createAnchorVerifier,
  publicKeysOf,
} from "../../crypto/anchor-signer.ts";
import type { NamedKey } from "../../crypto/keyring.ts";
import { createSemaphore } from "../../crypto/semaphore.ts";
import type { Anchor } from "../../domain/audit-anchor.ts";
import type { Actor } from "../../domain/roles.ts";
import { findAuditHead } from "../../persistence/audit/audit-heads.ts";
import { INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import { listRestores } from "../../persistence/audit/audit-restores.ts";
import { type AuditVerdict, verifyAuditChain } from "../../persistence/audit/verify-audit-chain.ts";
import type { Database } from "../../persistence/database.ts";
import { type Chain, type ChainChoice, chooseChain } from "./audit-logs.ts";
import { readAnchors } from "./read-anchors.ts";

export type ChainProof = AuditVerdict & {
  chainId: string;
  anchors: {
    /** False: no folder is configured here, so a cut tail and a rewritten chain cannot be noticed. */
    configured: boolean;
    /** How many signed heads of this chain were compared. */
    compared: number;
    lastAt: string | null;
    unknownKeys: number;
    faults: string[];
  };
};

export type AuditProofOptions = {
  database: Database;
  /** ENCRYPTION_KEYS, from which the signing keys are derived; read anew at each use. */
  encryptionKeys: () => readonly NamedKey[];
  anchorFolder: string | undefined;
};

export type AuditProofService = ReturnType<typeof createAuditProofService>;

export function createAuditProofService(options: AuditProofOptions) {
  const { database, encryptionKeys } = options;
  // It keeps a core busy: one at a time, and who asks for the same chain meanwhile gets the same answer.
  const oneAtATime = createSemaphore(1);
  const running = new Map<string, Promise<ChainProof>>();
  return {
    /** Throws what AuditLogService throws. */
    async verify(actor: Actor, choice: ChainChoice): Promise<ChainProof> {
      const chain = await chooseChain(database, actor, choice);
      const proof =
        running.get(chain.id) ??
        oneAtATime(() => proveChain(options, chain)).finally(() => running.delete(chain.id));
      running.set(chain.id, proof);
      return proof;
    },
    /** The chain's newest entry, signed now, for whoever wants to keep it. */
    async head(actor: Actor, choice: ChainChoice): Promise<Anchor> {
      const chain = await chooseChain(database, actor, choice);
      const head = await database.transaction(chain.principals, (tx) => findAuditHead(tx, chain.id));
      const signer: AnchorSigner = createAnchorSigner(encryptionKeys());
      const hash = (head?.hash ?? Buffer.alloc(32)).toString("hex");
      const heads = [{ chainId: chain.id, seq: head?.seq ?? 0, hash }];
      return signer.sign({ at: new Date().toISOString(), heads, previous: null });
    },
  };
}

/** `publicKeys` of signers that are trusted besides those of the encryption keys. */
export async function proveChain(
  { database, encryptionKeys, anchorFolder }: AuditProofOptions,
  chain: Chain,
  publicKeys: readonly string[] = [],
): Promise<ChainProof> {
  // Before the chain: what is appended while it is read is not held against it.
  const trusted = [...publicKeysOf(encryptionKeys()), ...publicKeys];
  const anchors = anchorFolder ? await readAnchors(anchorFolder, trusted, new Set([chain.id])) : null;
  const { check } = anchors?.verifier ?? createAnchorVerifier(trusted);
  const heads = anchors?.heads.get(chain.id) ?? [];
  // In nobody's name: whoever may have a chain proven need not be one who may read the instance's.
  const ofInstance = await database.transaction({ workspaceIds: [INSTANCE_CHAIN] }, (tx) =>
    listRestores(tx, INSTANCE_CHAIN, check),
  );
  const verdict = await database.transaction(chain.principals, (tx) =>
    verifyAuditChain(tx, chain.id, heads, { vouch: check, ofInstance }),
  );
  const faults = anchors?.faults ?? [];
  return {
    chainId: chain.id,
    ...verdict,
    ok: verdict.ok && faults.length === 0,
    anchors: {
      configured: anchors !== null,
      compared: heads.length,
      lastAt: anchors?.lastAt ?? null,
      unknownKeys: anchors?.unknownKeys ?? 0,
      faults: faults.slice(0, 20),
    },
  };
}
