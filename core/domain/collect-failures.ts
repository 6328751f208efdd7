// Goes on with the others when one of many fails, and says at the end what failed.

/** As many are spelt out: the text is kept in a row and read by people. */
const NAMED = 3;

export type Failures = {
  /** What `work` resolves to, or `otherwise` when it throws: noted under `name`. */
  attempt<Result, Otherwise>(
    name: string,
    work: () => Promise<Result>,
    otherwise: Otherwise,
  ): Promise<Result | Otherwise>;
  /** An AggregateError of all that was noted; nothing when nothing was. */
  throwIfAny(): void;
};

export function collectFailures(): Failures {
  const failed: { name: string; error: unknown }[] = [];
  return {
    async attempt(name, work, otherwise) {
      try {
        return await work();
      } catch (error) {
        failed.push({ name, error });
        return otherwise;
      }
    },
    throwIfAny() {
      if (failed.length === 0) return;
      const named = failed.slice(0, NAMED).map(({ name, error }) => `${name}: ${textOf(error)}`);
      const rest = failed.length > NAMED ? [`and ${failed.length - NAMED} more`] : [];
      const errors = failed.map(({ error }) => error);
      throw new AggregateError(errors, [...named, ...rest].join("; "));
    },
  };
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
