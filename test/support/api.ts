// The API in this process on a free port, and a small client that speaks to it as a program would.
import { randomUUID } from "node:crypto";
import { loadConfig } from "#core/config.ts";
import { createLogger } from "#core/logger.ts";
import { type ApiOverrides, startApi } from "../../api/main.ts";

/** `body` is undefined when the answer is no JSON; its type is the test's guess, proved by its assertions. */
export type ApiReply<Body = Record<string, unknown>> = {
  status: number;
  headers: Headers;
  body: Body;
  text: string;
};

export type RequestOptions = {
  token?: string | undefined;
  /** Sent as JSON; a string or Buffer goes out as it is. */
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  cookie?: string | undefined;
};

export type Request = <Body = Record<string, unknown>>(
  method: string,
  path: string,
  options?: RequestOptions,
) => Promise<ApiReply<Body>>;

export type Person = { email: string; token: string; userId: string; workspaceId: string; cookie: string };

export type TestApi = {
  url: string;
  close(): Promise<void>;
  request: Request;
  /** A new person, signed in; the password is PASSWORD. */
  register(email?: string): Promise<Person>;
};

export const PASSWORD = "correct horse battery";

export type TestApiOptions = ApiOverrides & { environment?: Readonly<Record<string, string>> };

/** Look-ups of the session are not cached unless `actorCacheMs` says so. */
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
    ...overrides,
  });
  const request = createClient(server.url);
  return {
    url: server.url,
    close: () => server.stop(),
    request,
    async register(email = `${randomUUID()}@example.com`) {
      const reply = await request<Grant>("POST", "/auth/register", { body: { email, password: PASSWORD } });
      if (reply.status !== 201) throw new Error(`registration answered ${reply.status}: ${reply.text}`);
      const { user, workspaceId, accessToken } = reply.body;
      return {
        email,
        token: accessToken,
        userId: user.id,
        workspaceId,
        cookie: cookieOf(reply),
      };
    },
  };
}

/** The refresh cookie of an answer as the next request sends it. */
export function cookieOf(reply: Pick<ApiReply, "headers">): string {
  return reply.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

type Grant = { user: { id: string }; workspaceId: string; accessToken: string };

function createClient(url: string): Request {
  return async (method, path, { token, body, headers = {}, cookie } = {}) => {
    const isRaw = typeof body === "string" || Buffer.isBuffer(body);
    const reply = await fetch(`${url}${path}`, {
      method,
      redirect: "manual",
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(cookie !== undefined && { cookie }),
        ...headers,
      },
      ...(body !== undefined && {
        body: isRaw ? (body as string | Buffer<ArrayBuffer>) : JSON.stringify(body),
      }),
    });
    const text = await reply.text();
    const isJson = /json/.test(reply.headers.get("content-type") ?? "");
    return {
      status: reply.status,
      headers: reply.headers,
      body: isJson ? JSON.parse(text) : undefined,
      text,
    };
  };
}
