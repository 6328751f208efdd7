// The one error class of the house: a stable code for programs, a message for people.

/** Codes are part of the public contract; see the table in docs or CONTRACT. */
export type AppErrorOptions = {
  /** May the same operation succeed if it is simply tried again? */
  retryable?: boolean;
  /**
   * Of a node's effect: true, nobody knows whether it took place; false, it is known (nothing had left, or a definitive
   * answer came). Without a word a failure that may be tried again counts as true where an effect must not be repeated.
   */
  inDoubt?: boolean | undefined;
  /** All faults of an input at once, each with the path that leads to it. */
  problems?: readonly Problem[];
  /** Facts for the client, such as `retryAfterMs` or `currentVersion`. */
  details?: Readonly<Record<string, unknown>>;
  /** The user it is about: for the audit log, never for the client. */
  subjectId?: string | undefined;
  cause?: unknown;
};

export type Problem = { path: string; message: string };

export class AppError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly inDoubt: boolean | undefined;
  readonly problems: readonly Problem[];
  readonly details: Readonly<Record<string, unknown>>;
  readonly subjectId: string | null;

  constructor(code: string, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.inDoubt = options.inDoubt;
    this.problems = options.problems ?? [];
    this.details = options.details ?? {};
    this.subjectId = options.subjectId ?? null;
  }
}
