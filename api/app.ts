// The Express app: headers, log line, mounts, routes, pages, and one way for every error out.
import { fileURLToPath } from "node:url";
import express, { type Express, type RequestHandler } from "express";
import type { TraceRequest } from "#core/domain/tracing.ts";
import type { Logger } from "#core/logger.ts";
import { checkUrl } from "./middleware/check-url.ts";
import { createFrontDoor, type ObserveRequest } from "./middleware/front-door.ts";
import { createErrorHandler, type RecordDenial, refuseUnknownPath } from "./middleware/handle-errors.ts";
import { createSecurityHeaders } from "./middleware/security-headers.ts";
import { createDocsRoutes } from "./routes/docs.ts";
import { type Authenticate, type LimitAttempt, mountRoutes } from "./routing/mount-routes.ts";
import { createOpenApiDocument } from "./routing/openapi.ts";
import type { Route } from "./routing/route.ts";

const ASSETS = fileURLToPath(new URL("./assets", import.meta.url));

export type AppDependencies = {
  routes: readonly Route[];
  authenticate: Authenticate;
  logger: Logger;
  observe: ObserveRequest;
  /** Where traces are on. */
  traceRequest?: TraceRequest | undefined;
  /** Needed by routes that count attempts. */
  limitAttempt?: LimitAttempt;
  recordDenial?: RecordDenial;
  /** Addresses and CIDRs whose X-Forwarded-For is believed; none by default. */
  trustedProxies?: readonly string[];
  /** Whole sub-applications with a guard of their own, such as bull-board at /queues. */
  mounts?: ReadonlyArray<{ path: string; handler: RequestHandler }>;
  /** The web app at /; a page of welcome stands in where it is not built. */
  studio?: RequestHandler | null;
};

/** Throws when two routes share method and path. */
export function createApp(dependencies: AppDependencies): Express {
  const { routes, authenticate, logger, observe, mounts = [], studio = null } = dependencies;
  const { trustedProxies = [], limitAttempt = refuseUnlimited, recordDenial = () => {} } = dependencies;
  refuseDuplicates(routes);
  const document = createOpenApiDocument(routes);

  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  // A list of hosts, never `true`: then everybody could choose the address they come from.
  app.set("trust proxy", trustedProxies.length > 0 && [...trustedProxies]);
  app.set("query parser", "simple");
  app.use(createFrontDoor(logger, observe, dependencies.traceRequest));
  app.use(createSecurityHeaders());
  app.use(checkUrl);
  for (const { path, handler } of mounts) app.use(path, handler);
  app.use(mountRoutes([...routes, ...createDocsRoutes(document)], authenticate, limitAttempt));
  if (studio) app.use(studio);
  app.get("/", (_request, response) => response.sendFile("welcome.html", { root: ASSETS }));
  app.get("/docs", (_request, response) => response.sendFile("docs.html", { root: ASSETS }));
  app.use("/docs", express.static(ASSETS, { index: false, redirect: false }));
  app.use(refuseUnknownPath);
  app.use(createErrorHandler(logger, recordDenial));
  return app;
}

function refuseUnlimited(): never {
  throw new Error("A route that counts attempts is mounted without a limiter");
}

function refuseDuplicates(routes: readonly Route[]): void {
  const seen = new Set<string>();
  for (const { method, path } of routes) {
    const name = `${method} ${path}`;
    if (seen.has(name)) throw new Error(`Two routes answer ${name}`);
    seen.add(name);
  }
}
