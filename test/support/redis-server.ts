// A throw-away Redis for tests, on a free port in a folder of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import { endWithProcess } from "./end-with-process.ts";
import { findFreePort } from "./free-port.ts";

export type TestRedis = {
  url: string;
  /** Runs commands beside the platform. */
  client: Redis;
  /** Kills it with -9. */
  kill(): Promise<void>;
  /** Starts it again at the same address: with what its folder holds (`SAVE` writes it), or with nothing. */
  restart(how: "empty" | "from disk"): Promise<void>;
  stop(): Promise<void>;
};

/** Where redis-server is, or the reason to skip what needs it. */
export function findRedisServer(): { program: string } | { skip: string } {
  const places = [
    process.env.TEST_REDIS_SERVER,
    ...(process.env.PATH ?? "").split(":").map((p) => `${p}/redis-server`),
  ];
  const program = places.find((place) => place && existsSync(place));
  return program ? { program } : { skip: "redis-server is not installed" };
}

export async function startRedis(program: string): Promise<TestRedis> {
  const port = await findFreePort();
  const folder = await mkdtemp(path.join(tmpdir(), "atelier-redis-"));
  const options = ["--port", String(port), "--dir", folder, "--save", "", "--maxmemory-policy", "noeviction"];
  const launch = () =>
    endWithProcess(spawn(program, [...options, "--bind", "127.0.0.1"], { stdio: "ignore" }));
  let child = launch();
  const kill = async () => {
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  };
  // It may be down for longer than the 20 tries that are usual.
  const client = new Redis(port, "127.0.0.1", { retryStrategy: () => 100, maxRetriesPerRequest: null });
  client.on("error", () => {});
  await client.ping();
  return {
    url: `redis://127.0.0.1:${port}`,
    client,
    kill,
    async restart(how) {
      if (how === "empty") await rm(path.join(folder, "dump.rdb"), { force: true });
      child = launch();
      await client.ping();
    },
    async stop() {
      client.disconnect();
      if (child.exitCode === null && child.signalCode === null) await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
