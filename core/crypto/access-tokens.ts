// The short-lived access token: a JWT with everything pinned that a token could otherwise choose for itself.
import { createSecretKey, type KeyObject, randomUUID } from "node:crypto";
import jwt from "jsonwebtoken";
import { AppError } from "../domain/app-error.ts";
import type { NamedKey } from "./keyring.ts";

const AUDIENCE = "atelier-api";
const TYPE = "at+jwt";
const ALGORITHM = "HS256";
const MIN_SECRET_BYTES = 32;
// Ours are about 450 bytes; longer ones are not worth decoding.
const MAX_TOKEN_LENGTH = 4_096;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export type AccessTokenOptions = {
  /** The first signs, all verify: a key is retired by moving it to the end and dropping it after `ttlSeconds`. */
  secrets: readonly NamedKey[];
  issuer: string;
  ttlSeconds?: number;
};

export type AccessTokenClaims = { userId: string; sessionId: string };

export type AccessTokens = {
  /** `expiresIn` in seconds. */
  sign(claims: AccessTokenClaims): { token: string; expiresIn: number };
  /** Throws `unauthenticated`, for whatever reason, with the same message. */
  verify(token: string): AccessTokenClaims;
};

/** Throws `invalid_config` when there is no secret or one has fewer than 32 bytes. */
export function createAccessTokens({ secrets, issuer, ttlSeconds = 600 }: AccessTokenOptions): AccessTokens {
  const keys = new Map(secrets.map(({ id, secret }) => [id, toKey(id, secret)]));
  const [current] = keys;
  if (!current) throw new AppError("invalid_config", "JWT_SECRETS holds no secret");
  const [currentId, currentKey] = current;
  const known = createKnownTokens();
  return {
    sign({ userId, sessionId }) {
      const token = jwt.sign({ sid: sessionId }, currentKey, {
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
        const before = known.find(token);
        if (before) return before;
        const { claims, until } = verifyToken(token, keys, issuer, ttlSeconds);
        known.add(token, claims, until);
        return claims;
      } catch (cause) {
        throw new AppError("unauthenticated", "The access token is missing, expired or not valid", { cause });
      }
    },
  };
}

function toKey(id: string, secret: Buffer): KeyObject {
  if (secret.length < MIN_SECRET_BYTES) {
    throw new AppError(
      "invalid_config",
      `The secret ${id} in JWT_SECRETS has ${secret.length} bytes, it needs at least ${MIN_SECRET_BYTES}`,
    );
  }
  return createSecretKey(secret);
}

function verifyToken(
  token: string,
  keys: ReadonlyMap<string, KeyObject>,
  issuer: string,
  ttlSeconds: number,
): { claims: AccessTokenClaims; until: number } {
  if (typeof token !== "string" || token.length > MAX_TOKEN_LENGTH) throw new Error("no token or too long");
  const header = jwt.decode(token, { complete: true })?.header;
  // The key id is only ever a key of this map: no file, no URL, no query is made of it.
  const key = typeof header?.kid === "string" ? keys.get(header.kid) : undefined;
  if (!header || !key) throw new Error("unknown key id");
  if (header.typ !== TYPE || header.alg !== ALGORITHM || "crit" in header)
    throw new Error("not an access token");
  const claims = jwt.verify(token, key, {
    algorithms: [ALGORITHM],
    issuer,
    audience: AUDIENCE,
    maxAge: ttlSeconds,
  });
  if (typeof claims === "string") throw new Error("no claims");
  const { sub, sid, exp, iat, jti } = claims;
  // jsonwebtoken takes a token without `exp` for an eternal one.
  if (!isInteger(exp) || !isInteger(iat)) throw new Error("times are missing");
  if (typeof jti !== "string" || typeof sub !== "string" || !UUID.test(sub)) throw new Error("no subject");
  if (typeof sid !== "string" || !UUID.test(sid)) throw new Error("no session");
  const until = Math.min(exp, iat + ttlSeconds) * 1_000;
  return { claims: { userId: sub, sessionId: sid }, until };
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value);
}

// Enough for everybody who is there at the same time, about 0.6 kB each.
const MAX_KNOWN = 10_000;

/**
 * Tokens found good, until they expire: a client sends the same one for ten minutes, and verifying it was a tenth of a
 * submission's time. Whether its session still stands is asked elsewhere.
 */
function createKnownTokens() {
  const known = new Map<string, { claims: AccessTokenClaims; until: number }>();
  return {
    find(token: string): AccessTokenClaims | undefined {
      const entry = known.get(token);
      return entry && Date.now() < entry.until ? entry.claims : undefined;
    },
    add(token: string, claims: AccessTokenClaims, until: number): void {
      // Keys stay in the order they came, so the first is the oldest.
      const [oldest] = known.keys();
      if (known.size >= MAX_KNOWN && oldest !== undefined) known.delete(oldest);
      known.set(token, { claims, until });
    },
  };
}
