// Ids for what had other ids: the same file gives the same UUIDv7 every time.
import { createHash } from "node:crypto";

export type Origin = {
  kind: "workflow" | "execution" | "credential" | "audit";
  workspaceId: string;
  /** ISO 8601: the time part of the id, so that old things sort before new ones. */
  createdAt: string;
  legacyId: string;
};

export function deriveId({ kind, workspaceId, createdAt, legacyId }: Origin): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([kind, workspaceId, legacyId]))
    .digest();
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(Date.parse(createdAt), 0, 6);
  digest.copy(bytes, 6, 0, 10);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
