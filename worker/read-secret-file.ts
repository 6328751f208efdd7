// A secret from a file below SECRETS_DIR; nothing that lies elsewhere, by whatever path or link.
import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import path from "node:path";
import { AppError } from "#core/domain/app-error.ts";

const MAX_BYTES = 65_536;

/** Its text without the line break at the end. Throws `credential_unresolved`; what stands in the file is never told. */
export async function readSecretFile(folder: string, name: string): Promise<string> {
  try {
    const root = await realpath(folder);
    // Links inside the folder are how Kubernetes and Docker lay secrets out: where they end decides.
    const file = await realpath(path.resolve(root, name));
    if (!file.startsWith(root.endsWith(path.sep) ? root : root + path.sep)) {
      throw new AppError("credential_unresolved", `The file ${name} is not inside of SECRETS_DIR`);
    }
    return decode(await readAll(file, name), name);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    throw new AppError("credential_unresolved", `The file ${name} in SECRETS_DIR cannot be read (${code})`);
  }
}

async function readAll(file: string, name: string): Promise<Buffer> {
  // Not waiting for a pipe's other end, nor following a link put there a moment ago.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  await using handle = await open(file, flags);
  if (!(await handle.stat()).isFile()) {
    throw new AppError("credential_unresolved", `${name} in SECRETS_DIR is not a file`);
  }
  const buffer = Buffer.alloc(MAX_BYTES + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
    length += bytesRead;
    if (length > MAX_BYTES) {
      throw new AppError(
        "credential_unresolved",
        `The file ${name} in SECRETS_DIR has more than ${MAX_BYTES} bytes`,
      );
    }
    if (bytesRead === 0) return buffer.subarray(0, length);
  }
}

function decode(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r?\n$/, "");
  } catch {
    throw new AppError("credential_unresolved", `The file ${name} in SECRETS_DIR is not text`);
  }
}
