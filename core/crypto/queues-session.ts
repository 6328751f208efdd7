// The queue dashboard's cookie: a token of minutes that names a session and says whether it may change anything.
import { createSecretKey, hkdfSync, type KeyObject, randomUUID } from "node:crypto";
import jwt from "jsonwebtoken";
import { AppError } from "../domain/app-error.ts";
import type { NamedKey } from "./keyring.ts";

const AUDIENCE = "atelier-queues";
const TYPE = "queues+jwt";
const ALGORITHM = "HS256";
const KEY_BYTES = 32;
const MAX_TOKEN_LENGTH = 4_096;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export type QueuesSessionOptions = {
  /** JWT_SECRETS: the first signs, all verify. */
  secrets: readonly NamedKey[];
  issuer: string;
  ttlSeconds?: number;
};

export type QueuesSession = { userId: string; sessionId: string; write: boolean };

export type QueuesSessionTokens = {
  /** `expiresIn` in seconds. */
  sign(session: QueuesSession): { token: string; expiresIn: number };
  /** Throws `unauthenticated`, for whatever reason, with the same message. */
  verify(token: string): QueuesSession;
};

/** Signs with keys of its own, derived from the secrets, so that no access token can pass here and none of these there. */
export function createQueuesSessionTokens(options: QueuesSessionOptions): QueuesSessionTokens {
  const { secrets, issuer, ttlSeconds = 600 } = options;
  const keys = new Map(secrets.map(({ id, secret }) => [id, deriveKey(secret)]));
  const [current] = keys;
  if (!current) throw new AppError("invalid_config", "JWT_SECRETS holds no secret");
  const [currentId, currentKey] = current;
  return {
    sign({ userId, sessionId, write }) {
      const token = jwt.sign({ sid: sessionId, write }, currentKey, {
        algorithm: ALGORITHM,
        header: { alg: ALGORITHM, typ: TYPE, kid: currentId },
        issuer,
        audience: AUDIENCE,
        subject: userId,
        jwtid: randomUUID(),
        expiresIn: ttlSeconds,
      });
      return { token, expiresIn: ttlSeconds };
    },
    verify(token) {
      try {
        return verifyToken(token, keys, issuer, ttlSeconds);
      } catch (cause) {
        throw new AppError(
          "unauthenticated",
          "The queue dashboard opens for ten minutes by POST /auth/queues-session; open it again",
          { cause },
        );
      }
    },
  };
}

function deriveKey(secret: Buffer): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync("sha256", secret, "", AUDIENCE, KEY_BYTES)));
}

function verifyToken(
  token: string,
  keys: ReadonlyMap<string, KeyObject>,
  issuer: string,
  ttlSeconds: number,
): QueuesSession {
  if (token.length > MAX_TOKEN_LENGTH) throw new Error("too long");
  const header = jwt.decode(token, { complete: true })?.header;
  const key = typeof header?.kid === "string" ? keys.get(header.kid) : undefined;
  if (!header || !key) throw new Error("unknown key id");
  if (header.typ !== TYPE || header.alg !== ALGORITHM || "crit" in header) throw new Error("another token");
  const claims = jwt.verify(token, key, {
    algorithms: [ALGORITHM],
    issuer,
    audience: AUDIENCE,
    maxAge: ttlSeconds,
  });
  if (typeof claims === "string") throw new Error("no claims");
  const { sub, sid, write, exp } = claims;
  if (!Number.isInteger(exp) || typeof write !== "boolean") throw new Error("claims are missing");
  if (typeof sub !== "string" || !UUID.test(sub)) throw new Error("no subject");
  if (typeof sid !== "string" || !UUID.test(sid)) throw new Error("no session");
  return { userId: sub, sessionId: sid, write };
}
