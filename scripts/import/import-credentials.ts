// Writes the old Studio's secrets, sealed before they reach the database.
import { appendAudit } from "../../core/persistence/audit/audit-logs.ts";
import { insertCredential } from "../../core/persistence/credentials/credentials.ts";
import type { Executor } from "../../core/persistence/database.ts";
import { listImportedCredentials } from "../../core/persistence/imports/import-workflows.ts";
import { deriveId } from "./derive-id.ts";
import { count, type ImportContext, openJsonFile, reportFaults, writeFile } from "./import-context.ts";
import type { FoundFile } from "./list-files.ts";
import { type OldCredential, readCredentials } from "./read-credentials.ts";

/** Old id → id of all credentials that came by import, now or before. */
export async function importCredentials(
  context: ImportContext,
  found: FoundFile | null,
): Promise<Map<string, string>> {
  const json = found && (await openJsonFile(context, found));
  const { credentials, faults } = json ? readCredentials(json.value, found) : { credentials: [], faults: [] };
  if (json) reportFaults(context, found, json, faults);
  const { known, fresh } = await writeFile(context, async (tx) => {
    const before = await listImportedCredentials(tx, context.workspaceId);
    const missing = credentials.filter(({ legacyId }) => !before.has(legacyId));
    const written = [];
    for (const credential of missing) written.push(await writeCredential(context, tx, credential));
    await appendAudit(
      tx,
      written.map(({ id, credential, name }) => ({
        chainId: context.workspaceId,
        actorId: context.ownerId,
        action: "credential.imported",
        targetType: "credential",
        targetId: id,
        details: { name, type: credential.type, legacyId: credential.legacyId },
      })),
    );
    return { known: before, fresh: written };
  });
  count(context, "credentials", "written", fresh.length);
  count(context, "credentials", "skipped", credentials.length - fresh.length);
  for (const { id, credential, name } of fresh) {
    known.set(credential.legacyId, id);
    if (name !== credential.name) {
      const reason = `the name "${credential.name}" was taken; the credential is now called "${name}"`;
      context.report.remarks.push({ file: found?.file ?? "", line: 0, reason });
    }
  }
  return known;
}

async function writeCredential(context: ImportContext, tx: Executor, credential: OldCredential) {
  const { workspaceId, ownerId, envelope } = context;
  const { type, legacyId, createdAt, allowedHosts } = credential;
  const id = deriveId({ kind: "credential", workspaceId, createdAt, legacyId });
  const plain = Buffer.from(JSON.stringify(credential.data));
  const sealed = envelope.seal(plain, { purpose: "credential", workspaceId, id, type });
  plain.fill(0);
  for (let attempt = 1; ; attempt++) {
    const name = attempt === 1 ? credential.name : `${credential.name} (imported ${attempt})`;
    const row = { id, workspaceId, ownerId, name, type, sealed, allowedHosts, legacyId, createdAt };
    if (await insertCredential(tx, row)) return { id, credential, name };
  }
}
