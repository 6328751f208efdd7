// A01: can the time of a refusal tell whether a person exists? Registration says so itself (409), resets name nobody.
import { type Measurement, round } from "./measurement.ts";
import { percentile } from "./percentile.ts";
import { rocAuc } from "./roc-auc.ts";
import { newEmail, type SecurityTarget } from "./security-target.ts";

const SAMPLES = 200;
const WARM_UP = 10;
// Below the limit of one account, which is not what is measured here.
const PAIRS_BETWEEN_WIPES = 5;
const BOUNDS = [0.4, 0.6] as const;

/** 200 wrong passwords at a known address and 200 at unknown ones, in turns whose first is drawn by lot. */
export async function measureLoginTiming(target: SecurityTarget): Promise<Measurement[]> {
  const known = newEmail();
  await target.register(known);
  const samples = { known: [] as number[], unknown: [] as number[] };
  for (let pair = -WARM_UP; pair < SAMPLES; pair++) {
    if (pair % PAIRS_BETWEEN_WIPES === 0) await target.forgetAttempts();
    const kinds: ("known" | "unknown")[] = ["known", "unknown"];
    if (Math.random() < 0.5) kinds.reverse();
    for (const kind of kinds) {
      const email = kind === "known" ? known : newEmail();
      const { ms, status, text } = await target.post("/auth/login", { email, password: "not the password" });
      if (status !== 401) throw new Error(`login answered ${status}: ${text}`);
      if (pair >= 0) samples[kind].push(ms);
    }
  }
  const value = round(rocAuc(samples.known, samples.unknown));
  const median = (kind: "known" | "unknown") => round(percentile(samples[kind], 50));
  return [
    {
      name: "A01 login timing, ROC-AUC of known and unknown",
      unit: "ratio",
      value,
      withinBounds: value >= BOUNDS[0] && value <= BOUNDS[1],
      bounds: BOUNDS,
      samplesEach: SAMPLES,
      knownP50Ms: median("known"),
      unknownP50Ms: median("unknown"),
    },
  ];
}
