// The secret of a webhook: made or taken, sealed for its row, opened to verify what it is sent.
import type { Envelope, Sealed } from "../../crypto/envelope.ts";
import { createOpaqueToken } from "../../crypto/tokens.ts";
import { AppError } from "../../domain/app-error.ts";
import type { VerifyType } from "../../domain/webhooks/webhook.ts";
import type { CalledWebhook } from "../../persistence/webhooks/called-webhooks.ts";

type Owner = { id: string; workspaceId: string };

/** In another row it does not open. */
const bindingOf = ({ id, workspaceId }: Owner) =>
  ({ purpose: "webhook", workspaceId, id, type: "secret" }) as const;

/** 256 random bits, unless a secret is given. */
export function makeSecret(given: string | undefined): string {
  return given ?? createOpaqueToken("whs_");
}

export function sealSecret(envelope: Envelope, owner: Owner, secret: string): Sealed {
  const plain = Buffer.from(secret);
  const sealed = envelope.seal(plain, bindingOf(owner));
  plain.fill(0);
  return sealed;
}

/** Throws `invalid_request` for a secret beside `none`, and for one that no bearer could send. */
export function checkSecret(type: VerifyType, secret: string | undefined): void {
  if (secret === undefined) return;
  const refuse = (message: string) =>
    new AppError("invalid_request", message, { problems: [{ path: "verify.secret", message }] });
  if (type === "none") throw refuse("Nothing is verified, so there is no secret");
  if (type === "bearer" && !/^[\x21-\x7e]+$/.test(secret)) {
    throw refuse("A bearer's secret is sent in a header: visible ASCII characters only");
  }
}

/** What is good just now; what does not open is left out, so that nothing is verified by it. */
export async function openSecrets(envelope: Envelope, hook: CalledWebhook): Promise<Buffer[]> {
  const { keyId, wrappedKey, ciphertext, previousKeyId, previousWrappedKey, previousCiphertext } = hook;
  const sealed = [
    { keyId, wrappedKey, ciphertext },
    { keyId: previousKeyId, wrappedKey: previousWrappedKey, ciphertext: previousCiphertext },
  ];
  const opened = await Promise.all(sealed.map((one) => open(envelope, hook, one)));
  return opened.filter((secret) => secret !== null);
}

type MaybeSealed = { [Key in keyof Sealed]: Sealed[Key] | null };

async function open(
  envelope: Envelope,
  owner: Owner,
  { keyId, wrappedKey, ciphertext }: MaybeSealed,
): Promise<Buffer | null> {
  if (keyId === null || wrappedKey === null || ciphertext === null) return null;
  try {
    return await envelope.open({ keyId, wrappedKey, ciphertext }, bindingOf(owner));
  } catch (error) {
    if (error instanceof AppError && error.code === "decryption_failed") return null;
    throw error;
  }
}
