// Where the sample service is: SAMPLE_SERVICE_URL, else what `npm start` noted in DATA_DIR.
import { readFileSync } from "node:fs";
import path from "node:path";
import type { DemoOptions } from "./parse-arguments.ts";

/** Its origin, or null when there is none within the server's reach. */
export async function findSampleService(options: DemoOptions): Promise<string | null> {
  const { sampleServiceUrl, dataDir } = options;
  // Taken as it is: the worker may reach what this machine does not.
  if (sampleServiceUrl !== undefined) return new URL(sampleServiceUrl).origin;
  const noted = dataDir === null ? null : readNote(path.join(dataDir, "sample-service.json"));
  return noted !== null && (await answers(noted)) ? noted : null;
}

function readNote(file: string): string | null {
  try {
    const { port } = JSON.parse(readFileSync(file, "utf8"));
    return Number.isInteger(port) ? `http://127.0.0.1:${port}` : null;
  } catch {
    return null;
  }
}

/** The note stays when the supervisor has gone. */
async function answers(url: string): Promise<boolean> {
  const reply = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
  return reply?.ok ?? false;
}
