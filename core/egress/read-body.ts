// Reads a response to the end, decompressed, and never holds more than the cap of either form.
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, inflateRaw } from "node:zlib";
import { AppError } from "#core/domain/app-error.ts";
import { tooLarge } from "./egress-errors.ts";

type Decode = (bytes: Uint8Array, limits: { maxOutputLength: number }) => Promise<Uint8Array>;

const decoders = new Map<string, Decode>([
  ["gzip", promisify(gunzip)],
  ["x-gzip", promisify(gunzip)],
  ["br", promisify(brotliDecompress)],
  // Servers send both zlib-wrapped and raw deflate under this name; a zlib header has 8 in its low four bits.
  [
    "deflate",
    (bytes, limits) => promisify(((bytes[0] ?? 0) & 15) === 8 ? inflate : inflateRaw)(bytes, limits),
  ],
]);
// Nobody honest nests more; each layer costs a pass over the whole cap.
const MAX_LAYERS = 2;

export type ReadBodyOptions = {
  body: AsyncIterable<Uint8Array>;
  /** The Content-Encoding header; an encoding not known here leaves the body as it came. */
  encoding: string | undefined;
  /** Bytes, for the body as sent and as decoded. */
  maxBytes: number;
};

/** Throws `egress_too_large`, or `egress_connection_failed` for a body that cannot be decompressed. */
export async function readBody(options: ReadBodyOptions): Promise<{ bytes: Uint8Array; decoded: boolean }> {
  const { body, encoding, maxBytes } = options;
  let bytes = await collect(body, maxBytes);
  const layers = decodersFor(encoding);
  if (bytes.byteLength === 0 || layers.length === 0) return { bytes, decoded: false };
  for (const decode of layers) bytes = await decodeWithin(decode, bytes, maxBytes);
  return { bytes: new Uint8Array(bytes), decoded: true };
}

/** One array of its own: Buffer.concat may hand out a slice of memory shared with other requests. */
async function collect(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

function decodersFor(encoding: string | undefined): Decode[] {
  const names = (encoding ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
  const applied = names.filter((name) => name !== "" && name !== "identity").reverse();
  const known = applied.flatMap((name) => decoders.get(name) ?? []);
  if (known.length > MAX_LAYERS)
    throw new AppError("egress_too_large", "the response is compressed too often");
  return known.length === applied.length ? known : [];
}

async function decodeWithin(decode: Decode, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    // zlib counts while it inflates and stops at the first chunk over the limit. 0 is not a length it accepts.
    return await decode(bytes, { maxOutputLength: Math.max(1, maxBytes) });
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(maxBytes);
    throw new AppError("egress_connection_failed", "the response body is not what its encoding says", {
      cause,
    });
  }
}
