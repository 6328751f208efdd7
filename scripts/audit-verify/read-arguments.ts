// The command line of the audit log's verifier.
import { parseArgs } from "node:util";
import { isUuid } from "../../core/domain/uuid.ts";
import { INSTANCE_CHAIN } from "../../core/persistence/audit/audit-logs.ts";
import { withUsage } from "../installation/run-command.ts";

export type VerifyArguments = {
  /** Null: every chain there is. */
  chainIds: readonly string[] | null;
  anchors: string | null;
  publicKeys: readonly string[];
  json: boolean;
};

const USAGE =
  "Usage: npm run audit:verify [-- --workspace ID | --instance | --all] [--anchors FILE|FOLDER] [--public-key KEY]… [--json]";

/** Throws `usage`. */
export function readArguments(args: readonly string[]): VerifyArguments {
  return withUsage(USAGE, () => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        workspace: { type: "string", multiple: true, default: [] },
        instance: { type: "boolean", default: false },
        all: { type: "boolean", default: false },
        anchors: { type: "string" },
        "public-key": { type: "string", multiple: true, default: [] },
        json: { type: "boolean", default: false },
      },
    });
    const named = [...values.workspace, ...(values.instance ? [INSTANCE_CHAIN] : [])];
    if (!named.every(isUuid)) throw new Error("--workspace needs the id of a workspace");
    if (values.all && named.length > 0) throw new Error("--all goes with neither --workspace nor --instance");
    return {
      chainIds: named.length > 0 ? named : null,
      anchors: values.anchors ?? null,
      publicKeys: values["public-key"],
      json: values.json,
    };
  });
}
