// The refresh cookie for a new access token; tabs of one browser take turns, since they share the cookie.
import { hasCode } from "../api/problem.ts";
import { send } from "../api/send.ts";

export type Grant = { accessToken: string; expiresIn: number };

/** Whoever was quicker gets an answer with the new cookie in about this time; it is this browser's too. */
const CONFLICT_PAUSES_MS = [200, 400, 800, 1_600];

/** Throws ApiError with `invalid_refresh_token` when the session is over. */
export function tradeCookie(): Promise<Grant> {
  // Locks exist on https and localhost only; elsewhere the server's 409 keeps tabs from harm.
  const locks: LockManager | undefined = navigator.locks;
  return locks ? locks.request("atelier.refresh", trade) : trade();
}

async function trade(): Promise<Grant> {
  for (const ms of CONFLICT_PAUSES_MS) {
    try {
      return await refresh();
    } catch (error) {
      if (!hasCode(error, "refresh_conflict")) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
  return refresh();
}

/**
 * Kept alive: a page that is left in the middle must not lose the new cookie, for the server has done away with the
 * old one and would take its next use for a theft.
 */
async function refresh(): Promise<Grant> {
  const response = await send({ method: "POST", path: "/auth/refresh", keepalive: true });
  return (await response.json()) as Grant;
}
