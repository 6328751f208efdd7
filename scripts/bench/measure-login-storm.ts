// S02: 200 logins at once: how much memory they take, and what everybody else feels of it.
import { setTimeout as delay } from "node:timers/promises";
import { type Measurement, round } from "./measurement.ts";
import { percentile } from "./percentile.ts";
import { residentMegabytes } from "./resident-memory.ts";
import { newEmail, type SecurityTarget } from "./security-target.ts";

const LOGINS = 200;
const QUIET_SAMPLES = 300;
const WARM_UP = 100;
const PAUSE_MS = 10;
const MEMORY_EVERY_MS = 200;

export async function measureLoginStorm(target: SecurityTarget): Promise<Measurement[]> {
  const { token } = await target.register(newEmail());
  await target.forgetAttempts();
  for (let index = 0; index < WARM_UP; index++) await target.me(token);
  const quiet: number[] = [];
  for (let index = 0; index < QUIET_SAMPLES; index++) {
    quiet.push(await target.me(token));
    await delay(PAUSE_MS);
  }
  const before = await residentMegabytes(target.apiPid);
  const storm = await raiseStorm(target, token);
  const p99 = (samples: readonly number[]) => round(percentile(samples, 99));
  const [quietP99Ms, stormP99Ms] = [p99(quiet), p99(storm.others)];
  const p50 = (samples: readonly number[]) => round(percentile(samples, 50));
  const details = { quietP99Ms, stormP99Ms, quietP50Ms: p50(quiet), stormP50Ms: p50(storm.others) };
  return [
    {
      name: `S02 memory of the api, peak during ${LOGINS} logins at once`,
      unit: "MB",
      value: round(storm.peak),
      before: round(before),
      grown: round(storm.peak - before),
    },
    {
      name: `S02 p99 of other requests during ${LOGINS} logins, to p99 before`,
      unit: "ratio",
      value: round(stormP99Ms / quietP99Ms),
      ...details,
      samples: storm.others.length,
      stormSeconds: round(storm.seconds),
    },
  ];
}

/** Wrong passwords for as many unknown people: each costs a hash, none is limited. */
async function raiseStorm(target: SecurityTarget, token: string) {
  const startedAt = performance.now();
  let isOver = false;
  const logins = Promise.all(
    Array.from({ length: LOGINS }, async () => {
      const { status } = await target.post("/auth/login", {
        email: newEmail(),
        password: "not the password",
      });
      if (status !== 401) throw new Error(`login answered ${status}`);
    }),
  ).finally(() => {
    isOver = true;
  });
  logins.catch(() => {});
  const others: number[] = [];
  let peak = 0;
  const watchMemory = async () => {
    while (!isOver) {
      peak = Math.max(peak, await residentMegabytes(target.apiPid));
      await delay(MEMORY_EVERY_MS);
    }
  };
  const askOthers = async () => {
    while (!isOver) {
      others.push(await target.me(token));
      await delay(PAUSE_MS);
    }
  };
  await Promise.all([logins, watchMemory(), askOthers()]);
  return { others, peak, seconds: (performance.now() - startedAt) / 1_000 };
}
