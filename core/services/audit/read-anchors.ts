// Reads anchor files back: which heads of a chain they hold, and whether the files themselves are whole.
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { type AnchorVerifier, createAnchorVerifier } from "../../crypto/anchor-signer.ts";
import { type Anchor, parseAnchor } from "../../domain/audit-anchor.ts";
import type { KnownHead } from "../../persistence/audit/verify-audit-chain.ts";
import { hashLine, readLines } from "./audit-anchors.ts";

export type KnownAnchors = {
  /** By chain, in the order they were written; thinned out where there are very many. */
  heads: Map<string, KnownHead[]>;
  /** When the newest of them was signed; null without any. */
  lastAt: string | null;
  /** Lines whose key is not trusted: they prove nothing. */
  unknownKeys: number;
  /** Lines with a false signature, places where lines are missing, and nothing but unknown keys. */
  faults: string[];
  /** Knows the keys that were given and all that they vouch for here. */
  verifier: AnchorVerifier;
};

// 20,000 heads of one chain are a week of one every 30 s; beyond, every second one is enough.
const MAX_HEADS = 20_000;

/** `place` is a file or a folder of *.jsonl files; a place that is not there holds nothing. `chainIds` null: all. */
export async function readAnchors(
  place: string,
  publicKeys: readonly string[],
  chainIds: ReadonlySet<string> | null,
): Promise<KnownAnchors> {
  const verifier = createAnchorVerifier(publicKeys);
  const files = await listAnchorFiles(place);
  await followRotations(files, verifier);
  const known: KnownAnchors = { heads: new Map(), lastAt: null, unknownKeys: 0, faults: [], verifier };
  const reading = { verifier, chainIds, known, trusted: 0 };
  for (const file of files) await readFile(file, reading);
  // Files that somebody put in the place of the right ones prove nothing, and that must not pass for a proof.
  if (reading.trusted === 0 && known.unknownKeys > 0) {
    known.faults.push(`none of ${known.unknownKeys} anchors is signed by a key that is trusted here`);
  }
  return known;
}

async function listAnchorFiles(place: string): Promise<string[]> {
  const found = await stat(place).catch(() => null);
  if (!found?.isDirectory()) return found ? [place] : [];
  const names = (await readdir(place)).filter((name) => name.endsWith(".jsonl")).sort();
  return names.map((name) => path.join(place, name));
}

/** A new key vouches for the old one after the old one's lines, so trust is settled before anything is judged. */
async function followRotations(files: readonly string[], verifier: AnchorVerifier): Promise<void> {
  const vouchers = new Map<string, Anchor>();
  for (const file of files) {
    for await (const line of readLines(file)) {
      const anchor = line.includes('"vouchesFor"') ? parseAnchor(line) : null;
      if (anchor) vouchers.set(`${anchor.publicKey} ${anchor.vouchesFor}`, anchor);
    }
  }
  for (let before = -1, good = 0; good > before; ) {
    before = good;
    good = [...vouchers.values()].filter((anchor) => verifier.check(anchor) === "good").length;
  }
}

type Reading = {
  verifier: AnchorVerifier;
  chainIds: ReadonlySet<string> | null;
  known: KnownAnchors;
  /** Lines that are good. */
  trusted: number;
};

async function readFile(file: string, reading: Reading): Promise<void> {
  const { verifier, chainIds, known } = reading;
  let previous: string | null = null;
  let number = 0;
  for await (const line of readLines(file)) {
    number += 1;
    const anchor = parseAnchor(line);
    // A line that a power cut tore; had it been whole once, the next one would name it.
    if (!anchor) continue;
    const source = `${path.basename(file)}:${number}`;
    const verdict = verifier.check(anchor);
    if (verdict === "bad") known.faults.push(`${source}: the signature is false`);
    if (verdict === "unknown_key") known.unknownKeys += 1;
    if (anchor.previous !== null && anchor.previous !== previous) {
      known.faults.push(`${source}: the line before it is missing or was changed`);
    }
    previous = hashLine(line);
    if (verdict !== "good") continue;
    reading.trusted += 1;
    keep(anchor, source, chainIds, known);
  }
}

function keep(
  anchor: Anchor,
  source: string,
  chainIds: ReadonlySet<string> | null,
  known: KnownAnchors,
): void {
  for (const { chainId, seq, hash } of anchor.heads) {
    if (chainIds && !chainIds.has(chainId)) continue;
    const heads = known.heads.get(chainId) ?? [];
    heads.push({ seq, hash, at: anchor.at, source });
    known.heads.set(chainId, heads.length < MAX_HEADS ? heads : heads.filter((_, index) => index % 2 === 1));
    if (known.lastAt === null || anchor.at > known.lastAt) known.lastAt = anchor.at;
  }
}
