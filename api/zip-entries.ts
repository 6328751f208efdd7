// A zip archive made while it is sent: one entry after the other, each read only as fast as the client takes it.
import { once } from "node:events";
import { Readable } from "node:stream";
import { ZipFile } from "yazl";

export type ZipEntry = { path: string; content: AsyncIterable<Buffer> };

/**
 * The archive as a stream. When it is destroyed, reading stops; when reading fails, it is destroyed with the error, so
 * that nobody takes half an archive for a whole one.
 */
export function zipEntries(entries: AsyncGenerator<ZipEntry>): Readable {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  let current: Readable | undefined;
  zip.on("error", (error: Error) => output.destroy(error));
  output.once("close", () => {
    current?.destroy();
    entries.return(undefined).catch(() => {});
  });
  const fill = async () => {
    for await (const { path, content } of entries) {
      if (output.destroyed) return;
      const source = Readable.from(content, { objectMode: false, highWaterMark: 65_536 });
      current = source;
      source.on("error", (error) => output.destroy(error));
      zip.addReadStreamLazy(path, { compress: !path.startsWith("files/") }, (hand) => hand(null, source));
      // `close` also comes when it is destroyed; only then it has not ended.
      await once(source, "close");
      if (!source.readableEnded) return;
    }
    zip.end();
  };
  fill().catch((error: Error) => output.destroy(error));
  return output;
}
