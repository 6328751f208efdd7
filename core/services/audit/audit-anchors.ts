// The heads of the audit chains, signed and written to a file outside the database.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import type { AnchorSigner } from "../../crypto/anchor-signer.ts";
import { parseAnchor } from "../../domain/audit-anchor.ts";
import { type AuditHead, listAuditHeads } from "../../persistence/audit/audit-heads.ts";
import type { Executor } from "../../persistence/database.ts";

export type AnchorWriter = {
  /** Appends what moved since the last time and resolves to the number of heads, when they are on the disk. */
  write(tx: Executor): Promise<number>;
  /** Somebody else may have written meanwhile: look at the file again before the next time. */
  forget(): void;
};

export type AnchorWriterOptions = {
  folder: string;
  /** Asked each time, because keys may be rotated meanwhile. */
  signer: () => AnchorSigner;
  now?: () => Date;
};

/** What the file says so far. */
type Written = {
  file: string;
  /** Number and hash: after a restore the same number may come again with another hash. */
  heads: Map<string, string>;
  previous: string | null;
  torn: boolean;
  /** Which key has vouched for which, as "new old". */
  vouchers: Set<string>;
};

const HEADS_PER_LINE = 1_000;

/** One file a month, each with every chain's head. One writer at a time, please: see the scheduler's lock. */
export function createAnchorWriter({
  folder,
  signer,
  now = () => new Date(),
}: AnchorWriterOptions): AnchorWriter {
  let written: Written | null = null;
  return {
    async write(tx) {
      const at = now().toISOString();
      const file = path.join(folder, `audit-anchors-${at.slice(0, 7)}.jsonl`);
      const before = written?.file === file ? written : null;
      const state = before ?? (await readWritten(file));
      // Whatever goes wrong from here on, the file is the truth.
      written = null;
      const heads = await listAuditHeads(tx, before ? "recent" : "all");
      const moved = heads.filter((head) => state.heads.get(head.chainId) !== headText(head));
      const lines: string[] = [];
      const { sign, retired, publicKey } = signer();
      const vouchesFor = retired();
      const isVouched = vouchesFor.every((old) => state.vouchers.has(`${publicKey} ${old}`));
      // At once, also where no head has moved: a key that nobody vouches for cannot be retired.
      const parts = moved.length === 0 && !isVouched ? [[]] : inParts(moved);
      for (const part of parts) {
        const line = JSON.stringify(
          sign({
            at,
            heads: part.map(({ chainId, seq, hash }) => ({ chainId, seq, hash: hash.toString("hex") })),
            previous: state.previous,
            ...(vouchesFor.length > 0 && { vouchesFor }),
          }),
        );
        state.previous = hashLine(line);
        lines.push(`${line}\n`);
      }
      if (lines.length > 0) await append(file, (state.torn ? "\n" : "") + lines.join(""));
      state.torn = false;
      for (const head of moved) state.heads.set(head.chainId, headText(head));
      if (lines.length > 0) for (const old of vouchesFor) state.vouchers.add(`${publicKey} ${old}`);
      written = state;
      return moved.length;
    },
    forget() {
      written = null;
    },
  };
}

function headText({ seq, hash }: AuditHead): string {
  return `${seq} ${hash.toString("hex")}`;
}

function inParts<Head>(heads: readonly Head[]): Head[][] {
  const count = Math.ceil(heads.length / HEADS_PER_LINE);
  return Array.from({ length: count }, (_, part) =>
    heads.slice(part * HEADS_PER_LINE, (part + 1) * HEADS_PER_LINE),
  );
}

export function hashLine(line: string): string {
  return createHash("sha256").update(line).digest("hex");
}

/** A line that a power cut tore is passed over: nobody was told that it was there. */
async function readWritten(file: string): Promise<Written> {
  const state: Written = { file, heads: new Map(), previous: null, torn: false, vouchers: new Set() };
  for await (const line of readLines(file)) {
    const anchor = parseAnchor(line);
    if (!anchor) continue;
    state.previous = hashLine(line);
    for (const { chainId, seq, hash } of anchor.heads) state.heads.set(chainId, `${seq} ${hash}`);
    for (const old of anchor.vouchesFor ?? []) state.vouchers.add(`${anchor.publicKey} ${old}`);
  }
  state.torn = await isTorn(file);
  return state;
}

/** Nothing when the file is not there. */
export async function* readLines(file: string): AsyncGenerator<string> {
  const stream = createReadStream(file, "utf8");
  try {
    yield* createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  } catch (error) {
    if (!isMissing(error)) throw error;
  } finally {
    stream.destroy();
  }
}

async function isTorn(file: string): Promise<boolean> {
  const handle = await open(file, "r").catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (!handle) return false;
  try {
    const { size } = await handle.stat();
    if (size === 0) return false;
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] !== 0x0a;
  } finally {
    await handle.close();
  }
}

async function append(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(file, "a", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
