// Sends the request through egress and judges the answer.
import { AppError } from "#core/domain/app-error.ts";
import { beforeEffect } from "#core/domain/effect-doubt.ts";
import { MAX_OUTPUT_BYTES } from "#core/domain/execution.ts";
import type { HttpPort, NodeRunner } from "#core/domain/node.ts";
import { authHeader } from "../auth-header.ts";
import type { HttpRequestConfig } from "./definition.ts";
import { excerptOf, readResponseBody } from "./read-response.ts";
import { encodeBody, mergeHeaders, sensitiveHeaders, withQuery, withSecret } from "./request-parts.ts";

type Response = Awaited<ReturnType<HttpPort["request"]>>;

const EXCERPT_BYTES = 2_048;

/**
 * Asks for its credential last of all, with the address as it goes out. Throws AppError `http_status` (retryable for 408, 429 and 5xx; details status, body, retryAfterMs), `http_bad_json`,
 * `http_bad_encoding` (with a credential only), `output_too_large`, and what egress throws: `egress_denied`, `timeout`, `egress_connection_failed`, ...
 */
export const runHttpRequest: NodeRunner<HttpRequestConfig> = async (config, context) => {
  const body = encodeBody(config.body);
  const headers = mergeHeaders(config.headers, {
    "content-type": body?.contentType,
    "Idempotency-Key": context.idempotencyKey,
  });
  const url = withQuery(config.url, config.query);
  const credential = await beforeEffect(context.credentials.use("auth", url));
  const secret = credential ? authHeader(credential) : {};
  const response = await send(context.ports.http, {
    method: config.method,
    url,
    headers: withSecret(headers, secret),
    ...(body && { body: body.text }),
    signal: context.signal,
    timeoutMs: config.timeoutMs,
    maxResponseBytes: MAX_OUTPUT_BYTES,
    // On every hop to another origin they stay behind, the credential whatever its header is called.
    sensitiveHeaders: [...sensitiveHeaders(headers), ...Object.keys(secret)],
  });
  if (credential) requireReadable(response);
  const contentType = headerOf(response, "content-type") ?? "";
  if (config.failOnStatus && response.status >= 400) throw statusError(response, contentType);
  const { status, headers: received } = response;
  return {
    kind: "output",
    output: { status, headers: received, body: readResponseBody(response.body, contentType) },
  };
};

async function send(http: HttpPort, request: Parameters<HttpPort["request"]>[0]): Promise<Response> {
  try {
    return await http.request(request);
  } catch (cause) {
    if (cause instanceof AppError && cause.code === "egress_too_large") {
      const message = `The response is larger than ${MAX_OUTPUT_BYTES} bytes, the most a node may put out; ask for less of it`;
      throw new AppError("output_too_large", message, { cause, details: { limit: MAX_OUTPUT_BYTES } });
    }
    throw cause;
  }
}

/** In bytes that nobody here can unpack, a credential that comes back would be stored as it is: redaction is by value. */
function requireReadable(response: Response): void {
  const encoding = headerOf(response, "content-encoding") ?? "identity";
  if (response.body.byteLength === 0 || encoding.toLowerCase() === "identity") return;
  throw new AppError(
    "http_bad_encoding",
    `The response is encoded as ${encoding}, which cannot be read; with a credential ask for gzip, deflate or br`,
  );
}

function statusError(response: Response, contentType: string): AppError {
  const { status, body } = response;
  const retryAfterMs = readRetryAfter(headerOf(response, "retry-after"), Date.now());
  return new AppError("http_status", `The server answered with status ${status}`, {
    retryable: status === 408 || status === 429 || status >= 500,
    inDoubt: false,
    details: {
      status,
      body: excerptOf(body, contentType, EXCERPT_BYTES),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    },
  });
}

/** Milliseconds from `now` on, from seconds or an HTTP date; undefined when there is none or it makes no sense. */
export function readRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(value)) return Number(value) * 1_000;
  // Only what has a month's name: Date.parse takes "-5" and "1.5" for dates as well.
  const at = /[a-z]{3}/i.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

function headerOf({ headers }: Response, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
