// The typed client: a call is named as the OpenAPI document names it, and its types come from there.
import { session } from "../session/session.ts";
import type { Operations } from "./operations.ts";
import { hasCode } from "./problem.ts";
import { send } from "./send.ts";

export type Call = keyof Operations;
export type Reply<Name extends Call> = Operations[Name]["reply"];
type Part<Name extends Call, Key extends string> = Pick<
  Operations[Name],
  Extract<keyof Operations[Name], Key>
>;
export type CallOptions<Name extends Call> = Part<Name, "params" | "query" | "body">;
type Extras = { signal?: AbortSignal; headers?: Readonly<Record<string, string>> };

/** Throws ApiError. A token that has run out is renewed and the call made once more. */
export async function call<Name extends Call>(
  name: Name,
  options: CallOptions<Name>,
  extras: Extras = {},
): Promise<Reply<Name>> {
  const { params, query, body } = options as { params?: Texts; query?: Texts; body?: unknown };
  const [method = "", place = ""] = name.split(" ");
  const response = await authorized((token) =>
    send({ method, path: addressOf(place, params, query), body, token, ...extras }),
  );
  if (response.status === 204) return null as Reply<Name>;
  return (await response.json()) as Reply<Name>;
}

/** Makes a call with the access token, again with a new one when the first was refused. */
export async function authorized(make: (token: string | null) => Promise<Response>): Promise<Response> {
  const token = await session.token();
  try {
    return await make(token);
  } catch (error) {
    if (!hasCode(error, "unauthenticated")) throw error;
    return await make(await session.renew(token));
  }
}

type Texts = Readonly<Record<string, string | undefined>>;

function addressOf(place: string, params: Texts = {}, query: Texts = {}): string {
  const path = place.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return given.length > 0 ? `${path}?${new URLSearchParams(given)}` : path;
}
