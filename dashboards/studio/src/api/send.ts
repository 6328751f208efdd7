// One HTTP call to our own origin: JSON out, JSON in, every fault an ApiError.
import { ApiError, readProblem, unreachable } from "./problem.ts";

export type Sending = {
  method: string;
  path: string;
  body?: unknown;
  token?: string | null;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
  /** Goes on when the page is left. */
  keepalive?: boolean;
};

/** Resolves with a good answer whose body is unread. Throws ApiError; an abort stays an abort. */
export async function send({
  method,
  path,
  body,
  token,
  headers,
  signal,
  keepalive = false,
}: Sending): Promise<Response> {
  const init: RequestInit = {
    method,
    keepalive,
    credentials: "same-origin",
    headers: {
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(token && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  };
  const response = await fetch(path, init).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ApiError(unreachable);
  });
  if (!response.ok) throw new ApiError(await readProblem(response));
  return response;
}
