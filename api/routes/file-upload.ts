// An upload as the service wants it: checked headers and the bytes as they arrive.
import type { Request } from "express";
import { AppError } from "#core/domain/app-error.ts";
import type { Upload } from "#core/services/files/upload-file.ts";

const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}(\s*;\s*[\x20-\x7e]{1,200})?$/i;

/** Throws `invalid_request` and `unsupported_media_type`. */
export function readUpload(request: Request, query: Pick<Upload, "name" | "workspaceId" | "labels">): Upload {
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") {
    throw new AppError("unsupported_media_type", "Send the file as it is, without Content-Encoding");
  }
  const contentType = request.headers["content-type"] ?? "application/octet-stream";
  if (!MEDIA_TYPE.test(contentType)) {
    throw new AppError("invalid_request", "The Content-Type is not a media type", {
      problems: [{ path: "Content-Type", message: "give type/subtype, such as text/csv" }],
    });
  }
  const announced = Number(request.headers["content-length"]);
  const announcedBytes = Number.isSafeInteger(announced) ? announced : undefined;
  return { ...query, contentType, announcedBytes, content: bytesOf(request) };
}

/** Reading pauses the socket while the consumer is busy, so memory stays bounded whatever the sender does. */
async function* bytesOf(request: Request): AsyncGenerator<Buffer> {
  try {
    for await (const piece of request) yield piece;
  } catch (error) {
    throw new AppError("body_aborted", "The upload broke off before its end", { cause: error });
  }
}
