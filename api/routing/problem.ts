// Errors as RFC 9457 problem details: the one table from AppError codes to HTTP statuses.
import { STATUS_CODES } from "node:http";
import { AppError, type Problem } from "#core/domain/app-error.ts";

export type ProblemDetails = {
  type: "about:blank";
  title: string;
  status: number;
  code: string;
  detail: string;
  errors?: readonly Problem[];
  details?: Readonly<Record<string, unknown>>;
  requestId: string;
};

// Codes that begin with `invalid_` are 400 unless they are named here.
const STATUS_OF: Readonly<Record<string, number>> = {
  malformed_json: 400,
  malformed_body: 400,
  too_deep: 400,
  too_many_parameters: 400,
  body_aborted: 400,
  egress_denied: 400,
  password_too_common: 400,
  cron_empty: 400,
  cron_invalid: 400,
  cron_impossible: 400,
  cron_too_frequent: 400,
  cron_or_run_at: 400,
  unknown_timezone: 400,
  schedule_window: 400,
  run_at_past: 400,
  too_many_slots: 400,
  unauthenticated: 401,
  invalid_credentials: 401,
  invalid_refresh_token: 401,
  totp_required: 401,
  invalid_signature: 401,
  invalid_totp: 401,
  forbidden: 403,
  scope_missing: 403,
  totp_setup_required: 403,
  password_required: 403,
  cross_site: 403,
  setup_token_required: 403,
  signup_closed: 403,
  invite_required: 403,
  credential_refused: 403,
  webhook_unverifiable: 403,
  webhook_owner_may_not_run: 403,
  not_found: 404,
  file_gone: 404,
  method_not_allowed: 405,
  conflict: 409,
  email_taken: 409,
  credential_exists: 409,
  credential_in_use: 409,
  totp_enabled: 409,
  totp_not_set_up: 409,
  refresh_conflict: 409,
  version_conflict: 409,
  too_many_schedules: 409,
  too_many_editors: 409,
  workflow_archived: 409,
  owner_may_not_run: 409,
  no_trigger: 409,
  execution_finished: 409,
  already_decided: 409,
  approval_decided: 409,
  approval_expired: 409,
  approval_cancelled: 409,
  execution_timed_out: 409,
  too_many_keys: 409,
  last_admin: 409,
  too_many_workspaces: 409,
  too_many_invitations: 409,
  already_member: 409,
  last_owner: 409,
  personal_workspace: 409,
  membership_ends: 409,
  successor_unavailable: 409,
  being_erased: 409,
  legal_hold: 409,
  payload_expired: 409,
  webhook_trigger_unclear: 409,
  webhook_without_secret: 409,
  body_too_large: 413,
  file_too_large: 413,
  output_too_large: 413,
  url_too_long: 414,
  unsupported_media_type: 415,
  idempotency_mismatch: 422,
  invalid_graph: 422,
  invalid_fork: 422,
  label_refused: 422,
  queue_full: 429,
  rate_limited: 429,
  execution_failed: 502,
  database_unavailable: 503,
  hashing_unavailable: 503,
  script_busy: 503,
  script_interrupted: 503,
  script_unavailable: 503,
};

const MAX_ERRORS = 50;
const DEFAULT_RETRY_SECONDS = 1;

/** The HTTP status of an AppError code; 500 for codes nobody meant for clients. */
export function statusOf(code: string): number {
  return STATUS_OF[code] ?? (code.startsWith("invalid_") ? 400 : 500);
}

/** Turns anything thrown into what the client may know. Unknown errors become `internal_error` without detail. */
export function toProblem(
  error: unknown,
  requestId: string,
): { problem: ProblemDetails; headers: Record<string, string> } {
  const known = error instanceof AppError ? error : fromHttpError(error);
  const status = known ? statusOf(known.code) : 500;
  if (!known || status === 500) {
    const detail = "Something went wrong on our side; the log has more under this request id";
    return { problem: describe(500, "internal_error", detail, requestId), headers: {} };
  }
  const problem = describe(status, known.code, known.message, requestId);
  if (known.problems.length > 0) problem.errors = known.problems.slice(0, MAX_ERRORS);
  if (Object.keys(known.details).length > 0) problem.details = known.details;
  return { problem, headers: headersOf(status, known) };
}

function describe(status: number, code: string, detail: string, requestId: string): ProblemDetails {
  return { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, code, detail, requestId };
}

function headersOf(status: number, error: AppError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (status === 401) headers["www-authenticate"] = 'Bearer realm="atelier"';
  if (status === 405 && typeof error.details.allow === "string") headers.allow = error.details.allow;
  if (status === 429 || status === 503) {
    const milliseconds = error.details.retryAfterMs;
    const seconds =
      typeof milliseconds === "number" ? Math.ceil(milliseconds / 1_000) : DEFAULT_RETRY_SECONDS;
    headers["retry-after"] = String(Math.max(1, seconds));
  }
  // The rest of a refused body is not worth reading.
  if (status === 413) headers.connection = "close";
  return headers;
}

/** What Express and its body reader throw: errors with a status and, from the reader, a `type`. */
export function fromHttpError(error: unknown): AppError | null {
  if (!(error instanceof Error) || !("status" in error)) return null;
  const type = "type" in error ? error.type : undefined;
  if (type === "entity.too.large")
    return new AppError("body_too_large", "The body is larger than this call accepts");
  if (type === "encoding.unsupported") {
    return new AppError("unsupported_media_type", "Send the body without Content-Encoding");
  }
  if (type === "request.aborted" || type === "request.size.invalid") {
    return new AppError("body_aborted", "The body ended before its Content-Length");
  }
  if (error instanceof URIError)
    return new AppError("invalid_url", "The path is not valid percent-encoded UTF-8");
  return null;
}
