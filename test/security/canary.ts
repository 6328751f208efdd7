// A secret that can be recognised wherever it comes to light, in whatever spelling, and the places to look for it.
import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import { Client } from "pg";

export type Canary = { value: string; spellings: readonly string[] };

/** `frame` has a `*` where the unique part goes. What shows enough of the unique part shows one of its spellings. */
export function createCanary(frame: string): Canary {
  const core = randomBytes(16).toString("hex");
  const hex = Buffer.from(core).toString("hex");
  const base64 = ["", "x", "xx"].map((before) =>
    Buffer.from(`${before}${core}yyy`)
      .toString("base64")
      .slice(4, 4 + 32),
  );
  return { value: frame.replace("*", core), spellings: [core, hex, hex.toUpperCase(), ...base64] };
}

/** Which canaries a text shows, by their place in the list. */
export function sightings(text: string, canaries: readonly Canary[]): number[] {
  return canaries.flatMap(({ spellings }, index) =>
    spellings.some((one) => text.includes(one)) ? [index] : [],
  );
}

/** Every row of every table of every schema as text, but for the ciphertexts of credentials. */
export async function dumpDatabase(adminUrl: string): Promise<Map<string, string>> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(`
      select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`);
    const dump = new Map<string, string>();
    for (const { name } of tables) {
      const secret = name === "credentials" ? " - 'ciphertext'" : "";
      const { rows } = await client.query<{ row: string }>(
        `select (to_jsonb(t)${secret})::text as row from ${name} t`,
      );
      dump.set(name, rows.map(({ row }) => row).join("\n"));
    }
    return dump;
  } finally {
    await client.end();
  }
}

/** Every value of every key, read by its type: DUMP would compress. */
export async function dumpRedis(redis: Redis): Promise<string> {
  const values = [];
  for (const key of await redis.keys("*")) values.push(key, await readKey(redis, key));
  return JSON.stringify(values);
}

async function readKey(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case "string":
      return redis.get(key);
    case "hash":
      return redis.hgetall(key);
    case "list":
      return redis.lrange(key, 0, -1);
    case "set":
      return redis.smembers(key);
    case "zset":
      return redis.zrange(key, "0", "-1");
    case "stream":
      return redis.xrange(key, "-", "+");
    default:
      return null;
  }
}
