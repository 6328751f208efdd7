// What credentials look like on the wire: coming in with their secret, going out without.
import { z } from "zod";
import { CREDENTIAL_TYPE_NAMES } from "#core/domain/credential-types.ts";
import { DATA_LABELS } from "#core/domain/data-labels.ts";
import { EXECUTION_STATUSES } from "#core/domain/execution.ts";
import { pageQuery } from "../routing/pagination.ts";

const name = z.string().trim().min(1).max(200);
const label = z.enum(DATA_LABELS);
const clearedLabels = z.array(label).max(4);
const allowedHosts = z
  .array(z.string().min(1).max(260))
  .max(50)
  .describe(
    'host, host:port or *.domain; ["*"] for any. Without a port: the usual one of https; plain http wants host:80',
  );
// Not a union of the types' schemas: its errors would repeat what was given.
const data = z
  .unknown()
  .describe(
    "http.bearer {token}, http.basic {username, password}, http.header {name, value}, postgres {url}; for instance " +
      "admins also ref.env {name, as?}, ref.file {path, as?}, ref.vault {url, mount?, path, field, token, namespace?, " +
      'as?}, where `as` is what the reference stands for without its secret: {type: "http.bearer"} unless given, ' +
      '{type: "http.basic", username}, {type: "http.header", name} or {type: "postgres"}. Never comes back',
  );

export const createCredentialBody = z.strictObject({
  name,
  type: z
    .string()
    .max(100)
    .describe(`One of ${CREDENTIAL_TYPE_NAMES.join(", ")}`),
  data,
  allowedHosts: allowedHosts.optional(),
  clearedLabels: clearedLabels.optional(),
  workspaceId: z.uuid().optional(),
});

export const updateCredentialBody = z.strictObject({
  name: name.optional(),
  data: data.optional(),
  allowedHosts: allowedHosts.optional(),
  clearedLabels: clearedLabels.optional(),
});

export const listCredentialsQuery = z.strictObject({
  ...pageQuery,
  workspaceId: z.uuid().optional(),
  type: z.string().min(1).max(100).optional(),
});

export const deleteCredentialQuery = z.strictObject({
  force: z.enum(["true", "false"]).default("false").describe("Also when workflows use it"),
});

export const testCredentialBody = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: "must be an http or https address" })
      .max(2_000)
      .optional()
      .describe("Where to send a GET with it; its one host when left out"),
  })
  .optional();

export const credentialSchema = z.object({
  id: z.uuid(),
  workspaceId: z.uuid(),
  ownerId: z.uuid(),
  name: z.string(),
  type: z.string(),
  allowedHosts: z.array(z.string()).describe("Empty for an imported one: it goes nowhere until it is bound"),
  clearedLabels: z.array(z.string()),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});

export const credentialTestSchema = z.object({
  executionId: z.uuid(),
  status: z.enum(EXECUTION_STATUSES),
  ok: z.boolean().optional(),
  httpStatus: z.int().optional(),
  error: z.object({ code: z.string(), message: z.string() }).loose().optional(),
});
