// Keeps the embedded database running: one that dies is started again, on the same port when that is free.
import { setTimeout as sleep } from "node:timers/promises";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "../embedded-postgres/start-embedded-postgres.ts";

export type KeptDatabase = {
  databaseUrl(): string;
  folder: string;
  pid(): number;
  stop(): Promise<void>;
};

type KeepOptions = {
  dataDir: string;
  log: (line: string) => void;
  /** The port had to change, so whoever holds the old URL must be told. */
  onMoved: () => void;
};

export async function keepDatabase({ dataDir, log, onMoved }: KeepOptions): Promise<KeptDatabase> {
  let stopping = false;
  let restarting: Promise<void> = Promise.resolve();
  let current: EmbeddedPostgres;

  const watch = (server: EmbeddedPostgres) => {
    current = server;
    server.onExit((reason) => {
      log(`The database (pid ${server.pid}) ended with ${reason}; starting it again`);
      restarting = restart(server.port);
    });
  };

  const restart = async (port: number) => {
    while (!stopping) {
      try {
        watch(await startEmbeddedPostgres({ dataDir, port, log }));
        log("The database is back");
        if (current.port !== port) onMoved();
        return;
      } catch (error) {
        log(`${(error as Error).message}\nTrying again in a second`);
        await sleep(1_000);
      }
    }
  };

  const first = await startEmbeddedPostgres({ dataDir, log });
  watch(first);
  return {
    databaseUrl: () => current.databaseUrl,
    folder: first.folder,
    pid: () => current.pid,
    async stop() {
      stopping = true;
      await restarting;
      await current.stop();
    },
  };
}
