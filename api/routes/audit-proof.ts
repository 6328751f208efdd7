// /api/audit-logs/verify and /head: is a chain whole, and what is its newest entry.
import { z } from "zod";
import { anchorSchema } from "#core/domain/audit-anchor.ts";
import type { AuditProofService } from "#core/services/audit/audit-proof.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { chainQuery } from "./audit-schemas.ts";

const query = z.strictObject(chainQuery);

const proofSchema = z.object({
  chainId: z.uuid(),
  ok: z.boolean(),
  checked: z.int().describe("Entries found good, from the first on"),
  firstBad: z.int().optional().describe("The first entry that is missing, changed, or no longer proven"),
  reason: z.string().optional(),
  anchor: z.object({ seq: z.int(), hash: z.string(), source: z.string() }).optional(),
  restores: z
    .array(
      z.object({
        seq: z.int().describe("The entry; 0 where none is left because the chain began after the backup"),
        backupId: z.uuid(),
        takenAt: z.iso.datetime(),
        restoredAt: z.iso.datetime(),
        isProven: z
          .boolean()
          .describe("Signed by a key that is trusted here, and told of by the instance's chain"),
        isForeign: z.literal(true).optional().describe("Signed, but of another database: a fault"),
        lost: z
          .object({ upTo: z.int(), anchors: z.int(), source: z.string() })
          .optional()
          .describe("Entries from seq to upTo of the life before the restore, which only anchors know of"),
      }),
    )
    .optional()
    .describe("Entries by which the chain tells that its database was restored from a backup"),
  anchors: z.object({
    configured: z
      .boolean()
      .describe("false: no anchors are kept here, a cut tail or a rewritten chain stays unseen"),
    compared: z.int(),
    lastAt: z.iso.datetime().nullable(),
    unknownKeys: z.int().describe("Anchors whose key is not trusted, which prove nothing"),
    faults: z.array(z.string()).describe("What is wrong with the anchor files themselves"),
  }),
});

export function createAuditProofRoutes({ auditProof }: { auditProof: AuditProofService }): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/audit-logs/verify",
      summary: "Recompute a chain and compare it with the heads that were kept outside the database",
      tag: "Audit",
      action: "audit:read",
      query,
      replies: { 200: { description: "Whether it is whole, and where not", schema: proofSchema } },
      async handle({ actor, query: choice }) {
        return { status: 200, body: await auditProof.verify(actor, choice) };
      },
    }),
    defineRoute({
      method: "get",
      path: "/api/audit-logs/head",
      summary:
        "The newest entry's number and hash, signed: keep it, and nobody can rewrite what is before it",
      tag: "Audit",
      action: "audit:read",
      query,
      replies: { 200: { description: "One line of an anchor file", schema: anchorSchema } },
      async handle({ actor, query: choice }) {
        return { status: 200, body: await auditProof.head(actor, choice) };
      },
    }),
  ];
}
