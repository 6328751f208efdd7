// Says to a person what stopped the start: our own errors are made for that, the system's need a sentence.
import { AppError } from "../../core/domain/app-error.ts";

/** An error nobody foresaw keeps its stack. */
export function explainFault(error: unknown): string {
  if (error instanceof AppError) return error.message;
  const { code, path, stack } = error as NodeJS.ErrnoException;
  const where = path === undefined ? "DATA_DIR" : path;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return `The disk that holds ${where} is full. Free some space and start again. Nothing was lost.`;
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return `${where} may not be written by this user. Start as the user that owns it, or set DATA_DIR to another folder.`;
  }
  return stack ?? String(error);
}
