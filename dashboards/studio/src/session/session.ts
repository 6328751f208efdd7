// Who is signed in here: the access token lives in this module's memory and nowhere else.
import { hasCode } from "../api/problem.ts";
import { openTabs, type Tabs } from "./tabs.ts";
import { type Grant, tradeCookie } from "./trade-cookie.ts";

export type SessionState = "unknown" | "in" | "out";

/** Renewed this long before it ends, so that no call is refused in passing. */
const EARLY_MS = 30_000;
// Says only that somebody was signed in here, so that a first visit does not ask the server in vain.
const HINT = "atelier.signed-in";

let state: SessionState = "unknown";
let access: { token: string; renewAt: number } | null = null;
let renewing: Promise<string | null> | null = null;
let tabs: Tabs | null = null;
const listeners = new Set<() => void>();

function become(next: SessionState): void {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}

function accept({ accessToken, expiresIn }: Grant): string {
  const early = Math.min(EARLY_MS, (expiresIn * 1_000) / 2);
  access = { token: accessToken, renewAt: Date.now() + expiresIn * 1_000 - early };
  localStorage.setItem(HINT, "yes");
  become("in");
  return accessToken;
}

function forget(): void {
  access = null;
  localStorage.removeItem(HINT);
  become("out");
}

/** One renewal at a time in this tab; tradeCookie makes tabs take turns. */
function renewOnce(): Promise<string | null> {
  renewing ??= tradeCookie()
    .then(accept, (error: unknown) => {
      if (!hasCode(error, "invalid_refresh_token", "unauthenticated")) throw error;
      forget();
      return null;
    })
    .finally(() => {
      renewing = null;
    });
  return renewing;
}

/** What another tab did concerns this one too. */
function hear(news: "changed" | "ended"): void {
  if (news === "ended") {
    forget();
    return;
  }
  // Somebody signed in over there, perhaps somebody else: what this tab knew is void.
  access = null;
  // The other tab has set it, which may arrive here later than its words.
  localStorage.setItem(HINT, "yes");
  become("unknown");
}

export const session = {
  /** Once, at the start of the page. */
  open(): void {
    tabs = openTabs(hear);
  },
  state: (): SessionState => state,
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** Null when nobody is signed in. Throws ApiError when the server is out of reach. */
  async token(): Promise<string | null> {
    if (access && Date.now() < access.renewAt) return access.token;
    if (access || localStorage.getItem(HINT)) return renewOnce();
    become("out");
    return null;
  },
  /** A token other than `refused`, which the server did not take. */
  async renew(refused: string | null): Promise<string | null> {
    return access && access.token !== refused ? access.token : renewOnce();
  },
  /** After a sign-in in this tab; the other tabs take it up. */
  begin(grant: Grant): void {
    accept(grant);
    tabs?.tell("changed");
  },
  /** After a sign-out in this tab. */
  end(): void {
    forget();
    tabs?.tell("ended");
  },
};
