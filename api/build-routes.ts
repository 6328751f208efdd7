// Every route of the interface, one line per noun.
import type { Services } from "./build-services.ts";
import type { Metrics } from "./metrics.ts";
import type { Passport } from "./middleware/passport.ts";
import type { Readiness } from "./readiness.ts";
import { createAuthRoutes } from "./routes/auth.ts";
import { createHealthRoutes } from "./routes/health.ts";
import { createNodeTypeRoutes } from "./routes/node-types.ts";
import type { Route } from "./routing/route.ts";

export type RouteDependencies = {
  services: Services;
  passport: Passport;
  publicUrl: string;
  readiness: Readiness;
  metrics: Metrics;
};

export function buildRoutes({
  services,
  passport,
  publicUrl,
  readiness,
  metrics,
}: RouteDependencies): Route[] {
  return [
    ...createAuthRoutes({ identity: services.identity, passport, publicUrl }),
    ...createNodeTypeRoutes(),
    ...createHealthRoutes({ readiness, metrics }),
  ];
}
