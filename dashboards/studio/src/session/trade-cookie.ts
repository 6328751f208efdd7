// The refresh cookie for a new access token; tabs of one browser take turns, since they share the cookie.
import { hasCode } from "../api/problem.ts";
import { send } from "../api/send.ts";

export type Grant = { accessToken: string; expiresIn: number };

/** The other holder's answer is on its way when the server speaks of a conflict. */
const CONFLICT_PAUSE_MS = 400;

/** Throws ApiError with `invalid_refresh_token` when the session is over. */
export function tradeCookie(): Promise<Grant> {
  // Locks exist on https and localhost only; elsewhere the server's 409 keeps tabs from harm.
  const locks: LockManager | undefined = navigator.locks;
  return locks ? locks.request("atelier.refresh", trade) : trade();
}

async function trade(): Promise<Grant> {
  try {
    return await refresh();
  } catch (error) {
    if (!hasCode(error, "refresh_conflict")) throw error;
    await new Promise((resolve) => setTimeout(resolve, CONFLICT_PAUSE_MS));
    return refresh();
  }
}

async function refresh(): Promise<Grant> {
  const response = await send({ method: "POST", path: "/auth/refresh" });
  return (await response.json()) as Grant;
}
