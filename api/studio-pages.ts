// The Studio's files: one page for all of its addresses, and assets that never change under their name.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import express, { type RequestHandler, Router } from "express";
import { allowStyleNonce } from "./middleware/security-headers.ts";
import { contextOf } from "./routing/request-context.ts";

/** What its addresses begin with; everything else that nobody knows stays a 404 in JSON. */
export const STUDIO_PLACES = [
  "login",
  "signup",
  "invite",
  "reset",
  "approvals",
  "workflows",
  "executions",
  "account",
] as const;

/** Stands in the built page wherever the nonce of the answer belongs. */
const NONCE = "STUDIO_NONCE";
const NONCE_BYTES = 16;
export const STUDIO_PATHS = new RegExp(`^/(?:(?:${STUDIO_PLACES.join("|")})(?:/[^.]*)?)?$`);

/** Reads the page in `folder` once. Null when the Studio is not built. */
export async function openStudio(folder: string): Promise<RequestHandler | null> {
  const page = await readFile(path.join(folder, "index.html"), "utf8").catch(() => null);
  if (page === null) return null;
  const router = Router({ caseSensitive: true });
  const assets = express.static(path.join(folder, "assets"), {
    index: false,
    redirect: false,
    fallthrough: true,
    immutable: true,
    maxAge: "1y",
  });
  router.use("/assets", (request, response, next) => {
    contextOf(request).route = "/assets";
    assets(request, response, next);
  });
  router.get(STUDIO_PATHS, (request, response) => {
    contextOf(request).route = "/";
    const nonce = randomBytes(NONCE_BYTES).toString("base64");
    allowStyleNonce(response, nonce);
    // Never from a cache without asking: the next release has other assets, and the nonce is good once.
    response.setHeader("cache-control", "no-cache");
    response.type("html").send(page.replaceAll(NONCE, nonce));
  });
  return router;
}
