// `npm run audit:verify`: recomputes the audit chains. Exit code 0: all whole; 1: one is not, or nothing could be read; 2: not
// understood.
import path from "node:path";
import { AppError } from "../core/domain/app-error.ts";
import { INSTANCE_CHAIN } from "../core/persistence/audit/audit-logs.ts";
import type { AuditRestoreTrace } from "../core/persistence/audit/verify-audit-restores.ts";
import type { ChainProof } from "../core/services/audit/audit-proof.ts";
import { readArguments } from "./audit-verify/read-arguments.ts";
import { runVerify } from "./audit-verify/run-verify.ts";
import type { Installation } from "./installation/open-installation.ts";
import { runCommand } from "./installation/run-command.ts";

await runCommand(
  async ({ args, open, print }) => {
    const wanted = readArguments(args);
    const installation = await open();
    const ok = await runVerify({
      ...wanted,
      databaseUrl: installation.databaseUrl,
      encryptionKeys: readKeys(installation),
      defaultAnchors: process.env.AUDIT_ANCHOR_DIR || path.join(installation.dataDir, "anchors"),
      onProof: (proof, ms) => print(wanted.json ? JSON.stringify(proof) : describe(proof, ms)),
    });
    return ok ? 0 : 1;
  },
  { misuse: 2 },
);

/** An examiner without the secrets gives --public-key instead. */
function readKeys(installation: Installation) {
  try {
    return installation.encryptionKeys();
  } catch (error) {
    if (error instanceof AppError && error.code === "keys_missing") return [];
    throw error;
  }
}

function describe(
  { chainId, ok, checked, firstBad, reason, anchor, anchors, restores = [] }: ChainProof,
  ms: number,
): string {
  const name = chainId === INSTANCE_CHAIN ? "instance " : "workspace";
  const rate = Math.round((checked / Math.max(ms, 1)) * 1_000);
  const compared = anchors.configured ? `${anchors.compared} anchors` : "no anchors: a cut tail stays unseen";
  const unknown = anchors.unknownKeys > 0 ? `, ${anchors.unknownKeys} anchors of unknown keys` : "";
  const facts = `${checked} entries, ${compared}${unknown}, ${rate}/s`;
  const past = restores.map(describeRestore).join("");
  if (ok) return `ok   ${name} ${chainId}: ${facts}${past}`;
  const where = firstBad === undefined ? "" : ` first bad entry ${firstBad} (${reason});`;
  const against = anchor ? ` ${anchor.source} says entry ${anchor.seq} is ${anchor.hash};` : "";
  const faults = anchors.faults.map((fault) => `\n       ${fault}`).join("");
  return `BAD  ${name} ${chainId}:${where}${against} ${facts}${faults}${past}`;
}

/** Entries of a life that a restore ended are gone from the log: whoever verifies must read of it, though nobody tampered. */
function describeRestore(restore: AuditRestoreTrace): string {
  const { seq, backupId, takenAt, restoredAt, isProven, isForeign, lost } = restore;
  const told = seq === 0 ? "begun after the backup" : `entry ${seq}`;
  const doubt = isForeign
    ? "; the instance's log tells of no such restore, it comes from another database"
    : "; no trusted key signed this (give --public-key), it explains nothing";
  const gone = lost
    ? `; the log was rolled back by a restore at ${restoredAt}: entries ${Math.max(seq, 1)} to ${lost.upTo} of before are known from anchors only (${lost.source})`
    : "";
  return `\n       ${told}: restored at ${restoredAt} from the backup ${backupId} of ${takenAt}${isProven ? "" : doubt}${gone}`;
}
