// What a person gives for a credential: checked by its type, and never repeated in an error.
import type { z } from "zod";
import { AppError, type Problem } from "../../domain/app-error.ts";
import {
  CREDENTIAL_TYPE_NAMES,
  type CredentialType,
  credentialTypes,
} from "../../domain/credential-types.ts";
import { canonicalPattern } from "../../domain/host-binding.ts";
import { type Actor, authorizeRoute } from "../../domain/roles.ts";

const HOSTS_HINT =
  'Say where it may go, for example ["api.example.com"], ["api.example.com:8443"] or ["*.example.com"]; ["*"] allows ' +
  "every host and gives the binding up";

/** Throws `invalid_request` for a type there is not, `forbidden` for a reference unless a signed-in instance admin asks. */
export function requireType(actor: Actor, name: string): CredentialType {
  const type = credentialTypes.get(name);
  if (!type) {
    throw refusal([{ path: "type", message: `must be one of ${CREDENTIAL_TYPE_NAMES.join(", ")}` }]);
  }
  requireRights(actor, type);
  return type;
}

/**
 * References reach for what belongs to the operator of the instance, so who points one somewhere must be trusted with it:
 * a stolen API key would else send every secret of the workers to a host of the thief's.
 */
export function requireRights(actor: Actor, type: Pick<CredentialType, "adminOnly"> | undefined): void {
  if (type?.adminOnly) authorizeRoute(actor, "self:admin");
}

/** The data with defaults filled in. Throws `invalid_request` whose messages hold no value and no key of what was given. */
export function checkData(type: CredentialType, data: unknown): Readonly<Record<string, unknown>> {
  const checked = type.data.safeParse(data);
  if (checked.success) return checked.data;
  throw refusal(checked.error.issues.map((issue) => toProblem(type, issue)));
}

function toProblem(type: CredentialType, issue: z.core.$ZodIssue): Problem {
  if (issue.code === "unrecognized_keys") {
    return { path: "data", message: `holds a field that ${type.type} does not have; remove it` };
  }
  return { path: ["data", ...issue.path].join("."), message: issue.message };
}

/** In their one spelling, each once. Throws `invalid_request` for what is no pattern, and for none where one is needed. */
export function checkHosts(type: Pick<CredentialType, "namesItsHost">, hosts: readonly string[]): string[] {
  const patterns = hosts.map(canonicalPattern);
  const problems = patterns.flatMap((pattern, index) =>
    pattern === undefined
      ? [
          {
            path: `allowedHosts.${index}`,
            message: "must be host, host:port or *.domain, without scheme and path",
          },
        ]
      : [],
  );
  if (problems.length > 0) throw refusal(problems);
  if (hosts.length === 0 && !type.namesItsHost)
    throw refusal([{ path: "allowedHosts", message: HOSTS_HINT }]);
  return [...new Set(patterns.filter((pattern) => pattern !== undefined))];
}

function refusal(problems: Problem[]): AppError {
  return new AppError("invalid_request", "This is no credential as it stands; see errors", { problems });
}
