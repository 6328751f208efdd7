// The guard of every call that a cookie alone could make: other sites may not trigger it.
import type { Request } from "express";
import { AppError } from "#core/domain/app-error.ts";

/** Throws `cross_site` for requests a browser sent on behalf of another origin. Programs send neither header. */
export function requireSameOrigin(request: Request, publicUrl: string): void {
  const site = request.headers["sec-fetch-site"];
  const origin = request.headers.origin;
  const isForeignSite = site !== undefined && site !== "same-origin" && site !== "none";
  const isForeignOrigin =
    origin !== undefined && origin !== new URL(publicUrl).origin && hostOf(origin) !== request.headers.host;
  if (isForeignSite || isForeignOrigin) {
    throw new AppError("cross_site", "Another site may not make this call; open Atelier's own address");
  }
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
