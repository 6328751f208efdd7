// Legal hold: what is asked for by a court or an authority stays, whoever wants it gone.
import { AppError } from "./app-error.ts";

export function legalHold(cause?: unknown): AppError {
  return new AppError(
    "legal_hold",
    "A workspace is under legal hold: nothing of it can be deleted or erased",
    {
      cause,
    },
  );
}
