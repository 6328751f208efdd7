// What the demo is asked to do: options of the command line, the server's address from the environment.
import path from "node:path";
import { parseArgs } from "node:util";

export type DemoOptions = {
  /** The server's origin, without a slash at the end. */
  url: string;
  /** Where `npm start` notes the sample service and this demo its account; null when the server is elsewhere. */
  dataDir: string | null;
  sampleServiceUrl: string | undefined;
  /** An account to use instead of one of the demo's own. */
  account: { email: string; password: string } | undefined;
  /** Lines of the purchase order. */
  lines: number;
  /** How long the sample service thinks over each answer, in milliseconds. */
  slowMs: number;
};

const usage = "Usage: npm run demo -- [--lines 1–200] [--slow 0–20000 (ms per answer of the sample service)]";

/** Throws with a message for people. */
export function parseArguments(args: string[], env: NodeJS.ProcessEnv): DemoOptions {
  const { lines, slow } = readFlags(args);
  const url = new URL(env.ATELIER_URL || `http://127.0.0.1:${env.PORT || 3000}`);
  const isHere = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  const { ATELIER_EMAIL: email, ATELIER_PASSWORD: password } = env;
  return {
    url: url.origin,
    dataDir: isHere ? path.resolve(env.DATA_DIR || ".data") : null,
    sampleServiceUrl: env.SAMPLE_SERVICE_URL || undefined,
    account: email && password ? { email, password } : undefined,
    lines: readNumber("--lines", lines, 1, 200),
    slowMs: readNumber("--slow", slow, 0, 20_000),
  };
}

function readFlags(args: string[]): { lines: string; slow: string } {
  const options = {
    lines: { type: "string", default: "4" },
    slow: { type: "string", default: "0" },
  } as const;
  try {
    return parseArgs({ args, options, strict: true }).values;
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n${usage}`, { cause });
  }
}

function readNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new Error(`${flag} is "${text}", not a whole number from ${least} to ${most}\n${usage}`);
}
