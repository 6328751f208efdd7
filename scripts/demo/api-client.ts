// Calls to the server that survive its death: repeated while it is away, signed in again when the token has run out.
import { type Patience, Unreachable } from "./patience.ts";

export type Call = {
  method: string;
  path: string;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
};

/** What the server refuses: it would refuse it again. */
export class Refused extends Error {
  override name = "Refused";
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export type ApiClient = {
  /** The parsed body. Throws Refused, or Unreachable when patience has run out. */
  json<Body>(call: Call): Promise<Body>;
  /** The open answer, for a stream; throws Unreachable at once. */
  open(call: Call, signal: AbortSignal): Promise<Response>;
};

const answerMs = 30_000;

/** One request, no patience. Throws Refused or Unreachable. */
export async function send(url: string, call: Call, signal: AbortSignal): Promise<Response> {
  const { method, path, body, headers = {} } = call;
  const response = await fetch(url + path, {
    method,
    signal,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((cause: Error) => {
    throw new Unreachable(`no answer from ${url}`, { cause });
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const { code = "", detail = "" } = problem as { code?: string; detail?: string };
  if (response.status >= 500 || response.status === 429) {
    throw new Unreachable(`the server answered ${response.status} ${code}`.trim());
  }
  throw new Refused(
    response.status,
    code,
    `${method} ${path} was refused (${response.status} ${code}): ${detail}`,
  );
}

/** The parsed answer of one request, no patience. A body that breaks off is an answer that never came. */
export async function sendForJson<Body>(url: string, call: Call): Promise<Body> {
  const response = await send(url, call, AbortSignal.timeout(answerMs));
  try {
    return (await response.json()) as Body;
  } catch (cause) {
    throw new Unreachable(`${url} broke off in the middle of an answer`, { cause });
  }
}

/** `signIn` gives an access token; it is asked again when the server takes the old one no more. */
export function createApiClient(url: string, patience: Patience, signIn: () => Promise<string>): ApiClient {
  let token: string | null = null;

  const signedIn = async <Result>(
    use: (headers: Record<string, string>) => Promise<Result>,
  ): Promise<Result> => {
    token ??= await signIn();
    try {
      return await use({ authorization: `Bearer ${token}` });
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 401) throw error;
      token = await signIn();
      return use({ authorization: `Bearer ${token}` });
    }
  };
  const withHeaders = (call: Call, headers: Record<string, string>) => ({
    ...call,
    headers: { ...call.headers, ...headers },
  });

  return {
    json: <Body>(call: Call) =>
      patience.until(() => signedIn((headers) => sendForJson<Body>(url, withHeaders(call, headers)))),
    open: (call, signal) => signedIn((headers) => send(url, withHeaders(call, headers), signal)),
  };
}
