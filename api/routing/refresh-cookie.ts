// The refresh token's cookie: scripts cannot read it, other sites cannot send it.
import { parseCookie, stringifySetCookie } from "cookie";
import type { Request, Response } from "express";

export type RefreshCookie = {
  read(request: Request): string | undefined;
  set(response: Response, token: string): void;
  clear(response: Response): void;
};

/** It lasts as long as an idle session. Over TLS it is `__Host-` prefixed (which needs Path=/), on plain HTTP it is sent to /auth only. */
export function createRefreshCookie(publicUrl: string, idleMinutes: number): RefreshCookie {
  const secure = new URL(publicUrl).protocol === "https:";
  const name = secure ? "__Host-atelier_refresh" : "atelier_refresh";
  const attributes = { httpOnly: true, sameSite: "strict", path: secure ? "/" : "/auth", secure } as const;
  const write = (response: Response, value: string, maxAge: number) =>
    response.append("set-cookie", stringifySetCookie({ ...attributes, name, value, maxAge }));
  return {
    read: (request) => parseCookie(request.headers.cookie ?? "")[name] || undefined,
    set: (response, token) => void write(response, token, idleMinutes * 60),
    clear: (response) => void write(response, "", 0),
  };
}
