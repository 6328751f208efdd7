// Starts the sample service on a port that stays the same, so that stored workflows still find it after a restart.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findFreePort } from "../embedded-postgres/free-port.ts";
import { type SampleService, startSampleService } from "../sample-service.ts";

/** The port is kept in DATA_DIR/sample-service.json; when somebody else took it, another is kept from then on. */
export async function keepSampleService(
  dataDir: string,
  log: (line: string) => void,
): Promise<SampleService> {
  const file = path.join(dataDir, "sample-service.json");
  const kept = readPort(file);
  const port = await findFreePort(kept ?? undefined);
  const service = await startSampleService(port);
  if (kept !== null && port !== kept)
    log(`Port ${kept} is taken; the sample service is now at ${service.url}`);
  if (port !== kept) writeFileSync(file, JSON.stringify({ port }));
  return service;
}

function readPort(file: string): number | null {
  try {
    const { port } = JSON.parse(readFileSync(file, "utf8"));
    return Number.isInteger(port) ? port : null;
  } catch {
    return null;
  }
}
