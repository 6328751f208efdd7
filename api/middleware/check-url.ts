// Refuses addresses that cannot be read one way only, before anything is looked up by them.
import type { NextFunction, Request, Response } from "express";
import { AppError } from "#core/domain/app-error.ts";

const MAX_URL_CHARS = 8_192;

export function checkUrl(request: Request, _response: Response, next: NextFunction): void {
  if (request.originalUrl.length > MAX_URL_CHARS) {
    throw new AppError("url_too_long", `The address is longer than ${MAX_URL_CHARS} characters`);
  }
  if (decode(request.path).includes("\u0000")) {
    throw new AppError("invalid_url", "The path holds a NUL character");
  }
  next();
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new AppError("invalid_url", "The path is not valid percent-encoded UTF-8");
  }
}
