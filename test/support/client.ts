// A small client that speaks to the API as a program would.
import { randomUUID } from "node:crypto";

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

export const PASSWORD = "correct horse battery";

export function createClient(url: string): Request {
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
    const isJson = /^application\/(problem\+)?json\b/.test(reply.headers.get("content-type") ?? "");
    return {
      status: reply.status,
      headers: reply.headers,
      body: isJson ? JSON.parse(text) : undefined,
      text,
    };
  };
}

/** A new person, signed in with PASSWORD. */
export async function registerPerson(
  request: Request,
  email = `${randomUUID()}@example.com`,
  headers: Readonly<Record<string, string>> = {},
): Promise<Person> {
  const body = { email, password: PASSWORD };
  const reply = await request<Grant>("POST", "/auth/register", { body, headers });
  if (reply.status !== 201) throw new Error(`registration answered ${reply.status}: ${reply.text}`);
  const { user, workspaceId, accessToken } = reply.body;
  return { email, token: accessToken, userId: user.id, workspaceId, cookie: cookieOf(reply) };
}

/** The refresh cookie of an answer as the next request sends it. */
export function cookieOf(reply: Pick<ApiReply, "headers">): string {
  return reply.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

type Grant = { user: { id: string }; workspaceId: string; accessToken: string };
