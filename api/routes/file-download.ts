// A file's bytes as an answer: ranges, validators, and headers that keep browsers from running them.
import { Readable } from "node:stream";
import type { Request } from "express";
import { parseByteRange } from "#core/domain/byte-range.ts";
import type { Actor } from "#core/domain/roles.ts";
import type { FileService } from "#core/services/files/files.ts";
import type { ProblemDetails } from "../routing/problem.ts";
import { contextOf } from "../routing/request-context.ts";
import type { Reply } from "../routing/route.ts";

export async function downloadFile(
  files: FileService,
  actor: Actor,
  id: string,
  request: Request,
): Promise<Reply> {
  const file = await files.get(actor, id);
  const etag = `"${file.sha256}"`;
  const headers = {
    etag,
    "accept-ranges": "bytes",
    "content-type": file.contentType,
    "content-disposition": dispositionOf(file.name),
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
  };
  if (matches(request.headers["if-none-match"], etag)) return { status: 304, headers: { etag } };
  // A range of another content would be worse than the whole of this one.
  const ifRange = request.headers["if-range"];
  const asked = ifRange === undefined || ifRange === etag ? request.headers.range : undefined;
  const range = parseByteRange(asked, file.size);
  if (range === "unsatisfiable") return refuseRange(file.size, request);
  const { start, end } = range ?? { start: 0, end: file.size - 1 };
  const length = { "content-length": String(end - start + 1) };
  const part = range ? { "content-range": `bytes ${start}-${end}/${file.size}` } : {};
  const reply = { status: range ? 206 : 200, headers: { ...headers, ...length, ...part } };
  if (request.method === "HEAD" || end < start) return reply;
  return { ...reply, stream: Readable.from(await files.read(actor, file, { start, end })) };
}

function refuseRange(size: number, request: Request): Reply {
  const problem: ProblemDetails = {
    type: "about:blank",
    title: "Range Not Satisfiable",
    status: 416,
    code: "range_not_satisfiable",
    detail: `The file has ${size} bytes`,
    requestId: contextOf(request).requestId,
  };
  const headers = {
    "content-type": "application/problem+json; charset=utf-8",
    "content-range": `bytes */${size}`,
  };
  return { status: 416, headers, body: JSON.stringify(problem) };
}

function matches(header: string | undefined, etag: string): boolean {
  const tags = (header ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes(etag) || tags.includes("*");
}

/** RFC 6266: an ASCII name for old clients, the real one in RFC 5987 form. */
function dispositionOf(name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/gu, "_");
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
