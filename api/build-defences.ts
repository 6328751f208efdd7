// What stands between strangers and the services: limits on attempts, and the record of who was refused.
import type { Config } from "#core/config.ts";
import { AppError } from "#core/domain/app-error.ts";
import type { AttemptRules } from "#core/domain/attempt-limits.ts";
import { clientNetwork } from "#core/domain/client-network.ts";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import {
  type AttemptCounters,
  openPostgresCounters,
  openRedisCounters,
} from "#core/persistence/identity/attempt-counters.ts";
import { createAttemptLimiter } from "#core/services/defences/limit-attempts.ts";
import { createDenialRecorder } from "#core/services/defences/record-denials.ts";
import type { RecordDenial } from "./middleware/handle-errors.ts";
import { clientOf } from "./routing/client-of.ts";
import type { LimitAttempt } from "./routing/mount-routes.ts";

/** What tests bend: production's limits are in core/domain/attempt-limits.ts, denials are written every 10 s. */
export type DefenceOverrides = { attemptRules?: AttemptRules; denialsEveryMs?: number };

// A login counts in five places at once. Connections of their own, so that a storm of logins fills no queue but its own.
const MAX_COUNTER_CONNECTIONS = 5;

export type DefenceDependencies = DefenceOverrides & {
  config: Pick<Config, "jwtSecrets" | "redisUrl" | "databaseUrl">;
  database: Database;
  onError: (error: unknown) => void;
};

export type Defences = { limitAttempt: LimitAttempt; recordDenial: RecordDenial; close(): Promise<void> };

/** Counts are in Redis where there is one, else in PostgreSQL: shared by all api processes, kept over restarts. */
export async function buildDefences(dependencies: DefenceDependencies): Promise<Defences> {
  const { config, database, onError } = dependencies;
  const [current] = config.jwtSecrets;
  if (!current) throw new AppError("invalid_config", "JWT_SECRETS holds no secret");
  const counters = await openCounters(config, onError);
  const limiter = createAttemptLimiter({
    makeCounter: counters.makeCounter,
    secret: current.secret,
    rules: dependencies.attemptRules,
    onError,
  });
  const denials = createDenialRecorder({ database, everyMs: dependencies.denialsEveryMs, onError });
  return {
    limitAttempt: (request, attempt, work) =>
      limiter.run({ ...attempt, client: clientNetwork(clientOf(request).address) }, work),
    recordDenial: denials.record,
    async close() {
      await limiter.close();
      await denials.close();
      await counters.close();
    },
  };
}

function openCounters(
  { redisUrl, databaseUrl }: DefenceDependencies["config"],
  onError: DefenceDependencies["onError"],
): AttemptCounters | Promise<AttemptCounters> {
  if (redisUrl) return openRedisCounters(redisUrl, onError);
  const maxConnections = MAX_COUNTER_CONNECTIONS;
  return openPostgresCounters(createDatabase({ databaseUrl, role: "atelier_api", maxConnections, onError }));
}
