// What went wrong, as the server told it (RFC 9457 problem details) or as the network did.

export type FieldProblem = { path: string; message: string };

export type Problem = {
  status: number;
  code: string;
  detail: string;
  errors: readonly FieldProblem[];
  requestId?: string;
};

export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

export const unreachable: Problem = {
  status: 0,
  code: "unreachable",
  detail: "The server cannot be reached. Check the connection and try again.",
  errors: [],
};

/** From an answer that is no success; proxies on the way may have written something that is no JSON. */
export async function readProblem(response: Response): Promise<Problem> {
  const fallback = { status: response.status, code: "unknown", errors: [] };
  try {
    const body = (await response.json()) as Partial<Problem>;
    return { ...fallback, detail: response.statusText, ...body };
  } catch {
    return { ...fallback, detail: `The server answered ${response.status} ${response.statusText}`.trim() };
  }
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  return {
    status: 0,
    code: "unknown",
    detail: error instanceof Error ? error.message : String(error),
    errors: [],
  };
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof ApiError && codes.includes(error.problem.code);
}
