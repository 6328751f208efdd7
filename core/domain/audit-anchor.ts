// A statement about the newest entries of audit chains that is kept where the database's masters have no hand.
import { z } from "zod";
import { canonicalJson } from "./canonical-json.ts";

const statement = {
  /** ISO, on the signer's clock. */
  at: z.iso.datetime(),
  heads: z.array(
    z.strictObject({
      chainId: z.uuid(),
      seq: z.int().min(0),
      /** Hex. */
      hash: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
  /** SHA-256 in hex of the line before in the same file, so that none can be taken out of its middle. */
  previous: z.string().nullable(),
  /** Public keys of before a rotation, for which the signer stands. */
  vouchesFor: z.array(z.string()).optional(),
};

/** One line of an anchor file, and what GET /api/audit-logs/head answers. */
export const anchorSchema = z.strictObject({
  ...statement,
  publicKey: z.string().describe("Ed25519, 32 bytes in base64url"),
  signature: z.string().describe("Over the canonical JSON (RFC 8785) of the rest, in base64url"),
});

export type Anchor = z.infer<typeof anchorSchema>;
export type AnchorStatement = Omit<Anchor, "publicKey" | "signature">;

/** What is signed. */
export function anchorBytes({ at, heads, previous, vouchesFor }: AnchorStatement, publicKey: string): Buffer {
  return Buffer.from(canonicalJson({ at, heads, previous, vouchesFor, publicKey }));
}

/** Null for a line that is none. */
export function parseAnchor(line: string): Anchor | null {
  try {
    return anchorSchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
