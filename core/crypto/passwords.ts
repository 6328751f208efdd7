// Password hashes: Argon2id as PHC strings, at most a few at a time because each takes 64 MiB.
import { randomBytes, timingSafeEqual } from "node:crypto";
import { availableParallelism } from "node:os";
import { AppError } from "../domain/app-error.ts";
import { createHashPool } from "./hash-pool.ts";

const SALT_BYTES = 16;
const TAG_BYTES = 32;
// OWASP's floor for Argon2id with one lane; and what one verification may cost before the hash is refused.
const MIN_MEMORY_KIB = 19_456;
const MIN_PASSES = 2;
const MAX_MEMORY_KIB = 1_048_576;
const MAX_PASSES = 20;

export type PasswordHasherOptions = {
  memoryKib?: number;
  passes?: number;
  parallelism?: number;
  /** Hashes computed at once in this process. */
  threads?: number;
  /** How far they stand back, 0 to 19; see hash-thread.ts. */
  niceness?: number;
  /** Hashes that may wait in line. */
  maxWaiting?: number;
};

/** What computes rejects with the retryable `hashing_unavailable` when too many wait, a thread died or it is closed. */
export type PasswordHasher = {
  /** A PHC string `$argon2id$v=19$m=…,t=…,p=…$salt$tag`. Takes the password's bytes exactly as given. */
  hash(password: string): Promise<string>;
  /** False for a wrong password and for a text that is no Argon2id hash. */
  verify(password: string, phc: string): Promise<boolean>;
  /** True when the hash was made with other parameters than today's; hash again after a good login. */
  needsRehash(phc: string): boolean;
  /** Costs what `verify` costs and says no: so that an unknown user answers no faster. */
  dummyVerify(password: string): Promise<false>;
  /** Who still waits is refused. */
  close(): Promise<void>;
};

type Parameters = { memory: number; passes: number; parallelism: number };

// Half of the processors: with two threads on two, the others' p99 was twice that with one (ARCHITECTURE.md).
const defaultThreads = () => Math.min(4, Math.max(1, Math.floor(availableParallelism() / 2)));
const NICENESS = 10;
// Half a minute of work for one thread: who comes later would have given up before their turn.
const MAX_WAITING = 256;

/** Defaults: 64 MiB, 2 passes, one lane. Measured on 2 cores: 124 ms (3 passes 177 ms, 19 MiB and 2 passes 37 ms). */
export function createPasswordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  const current: Parameters = {
    memory: options.memoryKib ?? 65_536,
    passes: options.passes ?? 2,
    parallelism: options.parallelism ?? 1,
  };
  if (current.memory < MIN_MEMORY_KIB || current.passes < MIN_PASSES || current.parallelism < 1) {
    throw new AppError(
      "invalid_config",
      `Argon2id needs at least ${MIN_MEMORY_KIB} KiB, ${MIN_PASSES} passes and 1 lane`,
    );
  }
  const pool = createHashPool({
    threads: options.threads ?? defaultThreads(),
    niceness: options.niceness ?? NICENESS,
    maxWaiting: options.maxWaiting ?? MAX_WAITING,
  });
  const derive = (password: string, salt: Buffer, parameters: Parameters, tagLength: number) =>
    pool.derive({ message: new TextEncoder().encode(password), nonce: salt, tagLength, ...parameters });
  return {
    async hash(password) {
      const salt = randomBytes(SALT_BYTES);
      return formatPhc(current, salt, await derive(password, salt, current, TAG_BYTES));
    },
    async verify(password, phc) {
      const stored = parsePhc(phc);
      if (!stored) return false;
      const tag = await derive(password, stored.salt, stored.parameters, stored.tag.length);
      return timingSafeEqual(tag, stored.tag);
    },
    needsRehash(phc) {
      const stored = parsePhc(phc);
      return (
        !stored ||
        formatPhc(stored.parameters, stored.salt, stored.tag) !== formatPhc(current, stored.salt, stored.tag)
      );
    },
    async dummyVerify(password) {
      await derive(password, Buffer.alloc(SALT_BYTES), current, TAG_BYTES);
      return false;
    },
    close: () => pool.close(),
  };
}

function formatPhc({ memory, passes, parallelism }: Parameters, salt: Buffer, tag: Buffer): string {
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
}

const PHC =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

function parsePhc(phc: string): { parameters: Parameters; salt: Buffer; tag: Buffer } | null {
  const [, memory, passes, parallelism, salt, tag] = PHC.exec(phc) ?? [];
  if (!memory || !passes || !parallelism || !salt || !tag) return null;
  const parameters = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  // A hash from elsewhere must not make this process allocate without bound.
  if (parameters.memory > MAX_MEMORY_KIB || parameters.passes > MAX_PASSES) return null;
  if (parameters.passes < 1 || parameters.parallelism < 1) return null;
  if (parameters.memory < 8 * parameters.parallelism) return null;
  return { parameters, salt: Buffer.from(salt, "base64"), tag: Buffer.from(tag, "base64") };
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
