// One field of a secret in HashiCorp Vault's key-value store, version 2, over HTTP.
import { AppError } from "#core/domain/app-error.ts";
import type { HttpPort } from "#core/domain/node.ts";

export type VaultEntry = {
  url: string;
  mount: string;
  path: string;
  field: string;
  token: string;
  namespace?: string;
};

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 1_048_576;

/** Throws `credential_unresolved`, retryable when the server may answer later, and `egress_denied`. */
export async function readVaultField(
  http: HttpPort,
  entry: VaultEntry,
  signal: AbortSignal,
): Promise<string> {
  const { url, mount, path, field } = entry;
  const response = await ask(http, entry, signal);
  const where = `${mount}/${path} of ${new URL(url).host}`;
  if (response.status !== 200) {
    const retryable = response.status === 429 || response.status >= 500;
    throw unresolved(`Vault answered ${response.status} for ${where}`, retryable);
  }
  const value = fieldOf(response.body, field);
  if (typeof value !== "string") throw unresolved(`There is no text ${field} in ${where}`, false);
  return value;
}

async function ask(http: HttpPort, entry: VaultEntry, signal: AbortSignal) {
  const { url, mount, path, token, namespace } = entry;
  try {
    return await http.request({
      method: "GET",
      url: `${url.replace(/\/+$/, "")}/v1/${mount}/data/${path}`,
      headers: { "X-Vault-Token": token, ...(namespace !== undefined && { "X-Vault-Namespace": namespace }) },
      signal,
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes: MAX_BYTES,
      sensitiveHeaders: ["x-vault-token", "x-vault-namespace"],
    });
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.code === "egress_denied") throw cause;
    throw unresolved(`Vault at ${new URL(url).host} cannot be asked: ${cause.message}`, cause.retryable);
  }
}

/** Version 2 nests twice: `{data: {data: {field: …}, metadata}}`. */
function fieldOf(body: Uint8Array, field: string): unknown {
  try {
    const { data } = (JSON.parse(Buffer.from(body).toString()) as { data: { data: Record<string, unknown> } })
      .data;
    return Object.hasOwn(data, field) ? data[field] : undefined;
  } catch {
    return undefined;
  }
}

function unresolved(message: string, retryable: boolean): AppError {
  return new AppError("credential_unresolved", message, { retryable });
}
