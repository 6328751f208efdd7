// The API in this process on a free port.
import { loadConfig } from "#core/config.ts";
import { createLogger } from "#core/logger.ts";
import { type ApiOverrides, startApi } from "../../api/main.ts";
import { LOOSE_RULES } from "./attempt-rules.ts";
import { createClient, type Person, type Request, registerPerson } from "./client.ts";

export type TestApi = {
  url: string;
  close(): Promise<void>;
  request: Request;
  /** A new person, signed in; the password is PASSWORD. */
  register(email?: string): Promise<Person>;
};

export type TestApiOptions = ApiOverrides & { environment?: Readonly<Record<string, string>> };

// The least that is allowed: 37 ms instead of 124; and not behind the other test files, which take all there is.
const CHEAP_HASHING = { memoryKib: 19_456, passes: 2, niceness: 0 };

/** Look-ups of the session are not cached unless `actorCacheMs` says so; attempts are not limited unless `attemptRules` do. */
export async function startTestApi(databaseUrl: string, options: TestApiOptions = {}): Promise<TestApi> {
  const { environment = {}, ...overrides } = options;
  const secret = "0123456789abcdef0123456789abcdef";
  const config = loadConfig("api", {
    DATABASE_URL: databaseUrl,
    PORT: "0",
    JWT_SECRETS: `test:${secret}`,
    ENCRYPTION_KEYS: `test:${secret}`,
    LOG_LEVEL: "silent",
    ...environment,
  });
  const server = await startApi(config, createLogger("api", config.logLevel), {
    actorCacheMs: 0,
    attemptRules: LOOSE_RULES,
    hashing: CHEAP_HASHING,
    ...overrides,
  });
  const request = createClient(server.url);
  return {
    url: server.url,
    close: () => server.stop(),
    request,
    register: (email) => registerPerson(request, email),
  };
}
