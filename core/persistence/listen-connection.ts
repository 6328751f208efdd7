// One connection that listens to a few channels for the whole process and comes back after every loss.
import { setTimeout as delay } from "node:timers/promises";
import type { Database } from "./database.ts";

export type ListenConnection = { close(): Promise<void> };

export type ListenOptions = {
  /** What to do with the payload of each channel. The names are ours, so they need no quotes. */
  channels: Readonly<Record<string, (payload: string) => void>>;
  /** The connection was lost, came back or is being closed: anything may have been said meanwhile. */
  onGap: () => void;
  /** A failed attempt to come back; the next one follows. */
  onError: (error: unknown) => void;
};

const RECONNECT_MS = 500;

/** Rejects when the first connection cannot be made. */
export async function openListenConnection(
  database: Database,
  { channels, onGap, onError }: ListenOptions,
): Promise<ListenConnection> {
  const closing = new AbortController();

  const listen = async () => {
    const client = await database.connect("signals");
    client.on("notification", ({ channel, payload }) => channels[channel]?.(payload ?? ""));
    const ended = new Promise<void>((resolve) => client.once("end", resolve));
    try {
      for (const channel of Object.keys(channels)) await client.query(`listen ${channel}`);
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
    return { client, ended };
  };

  let connection = await listen();
  const loop = (async () => {
    while (!closing.signal.aborted) {
      await connection.ended;
      onGap();
      while (!closing.signal.aborted) {
        try {
          connection = await listen();
          onGap();
          break;
        } catch (error) {
          onError(error);
          await delay(RECONNECT_MS, undefined, { signal: closing.signal }).catch(() => {});
        }
      }
    }
  })();

  return {
    async close() {
      closing.abort();
      onGap();
      await connection.client.end();
      await loop;
      // The loop may have been in the middle of making a new one.
      await connection.client.end();
    },
  };
}
