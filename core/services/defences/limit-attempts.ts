// Attempts at what can be guessed or costs work: counted before the work, given back after it when they were right.
import type { RateLimiterAbstract } from "rate-limiter-flexible";
import { RateLimiterRes } from "rate-limiter-flexible";
import { createKeyedHash } from "../../crypto/keyed-hash.ts";
import { AppError } from "../../domain/app-error.ts";
import {
  ATTEMPT_RULES,
  type AttemptRule,
  type AttemptRules,
  type LimitName,
} from "../../domain/attempt-limits.ts";
import type { MakeCounter } from "../../persistence/identity/attempt-counters.ts";
import { type AccountGate, createAccountGate, OPEN } from "./limit-account.ts";

export type Attempt = {
  name: LimitName;
  /** What `clientNetwork` gives. */
  client: string;
  /** The account that is tried, in one spelling; where the rule has an account. */
  account?: string | undefined;
};

/** Runs `work` unless the attempt is one too many. Throws `rate_limited` with `retryAfterMs`, and what `work` throws. */
export type LimitAttempts = <Result>(attempt: Attempt, work: () => Promise<Result>) => Promise<Result>;

export type AttemptLimiter = {
  run: LimitAttempts;
  /** Resolves when what was right has been given back. */
  close(): Promise<void>;
};

export type AttemptLimiterOptions = {
  makeCounter: MakeCounter;
  /** The names in the store are hashes under it. */
  secret: Buffer;
  rules?: AttemptRules | undefined;
  onError: (error: unknown) => void;
};

// The right pair without its code, and what another site's page sent: neither a guess nor a success.
const UNDECIDED: ReadonlySet<string> = new Set(["totp_required", "cross_site"]);
const EVERYBODY = "everybody";

type Gate = {
  enter(attempt: Attempt): Promise<void>;
  /** Gives back what a right (or undecided) attempt took. */
  giveBack(attempt: Attempt, isRight: boolean): Promise<unknown>;
};

export function createAttemptLimiter(options: AttemptLimiterOptions): AttemptLimiter {
  const { rules = ATTEMPT_RULES, onError } = options;
  const hash = createKeyedHash(options.secret, "attempts");
  const gates = new Map<LimitName, Gate>();
  for (const name of Object.keys(rules) as LimitName[]) {
    gates.set(name, createGate(name, rules[name], { makeCounter: options.makeCounter, hash }));
  }
  // Nobody waits for it: the answer is right whether or not the counts know yet.
  const giving = new Set<Promise<unknown>>();
  const giveBack = (gate: Gate, attempt: Attempt, isRight: boolean) => {
    const given = gate.giveBack(attempt, isRight).catch(onError);
    giving.add(given);
    void given.finally(() => giving.delete(given));
  };
  return {
    async run(attempt, work) {
      const gate = gates.get(attempt.name) as Gate;
      await gate.enter(attempt);
      try {
        const result = await work();
        giveBack(gate, attempt, true);
        return result;
      } catch (error) {
        if (!isWrong(error)) giveBack(gate, attempt, false);
        throw error;
      }
    },
    async close() {
      await Promise.all(giving);
    },
  };
}

/** A refusal of ours. A fault of the platform is no guess of the person's. */
function isWrong(error: unknown): boolean {
  return error instanceof AppError && !error.retryable && !UNDECIDED.has(error.code);
}

type Hash = (...parts: string[]) => string;

function createGate(
  name: LimitName,
  rule: AttemptRule,
  { makeCounter, hash }: { makeCounter: MakeCounter; hash: Hash },
): Gate {
  const client = makeCounter(`${name}:client`, rule.client);
  const global = makeCounter(`${name}:global`, rule.global);
  const account: AccountGate = rule.account
    ? createAccountGate(name, rule.account, makeCounter)
    : { enter: async () => OPEN, giveBack: async () => {} };
  const keysOf = (attempt: Attempt) => ({
    client: hash("client", attempt.client),
    account: attempt.account === undefined ? null : hash("account", attempt.account),
    pair: hash("pair", attempt.account ?? "", attempt.client),
  });
  const shut = createShutDoors();
  return {
    async enter(attempt) {
      const keys = keysOf(attempt);
      // Who was refused a moment ago costs nothing: no statement, no new key in the store.
      const shutMs = shut.remainingMs(keys.client);
      if (shutMs > 0) throw tooMany(shutMs);
      const [clientMs, globalMs, verdict] = await Promise.all([
        take(client, keys.client),
        take(global, EVERYBODY),
        account.enter(keys),
      ]);
      if (clientMs > 0) shut.shut(keys.client, clientMs);
      const waitMs = Math.max(clientMs, verdict.waitMs, verdict.isFamiliar ? 0 : globalMs);
      if (waitMs > 0) throw tooMany(waitMs);
    },
    async giveBack(attempt, isRight) {
      if (rule.counts === "all") return;
      const keys = keysOf(attempt);
      await Promise.all([
        client.reward(keys.client),
        global.reward(EVERYBODY),
        account.giveBack(keys, isRight),
      ]);
    },
  };
}

/** Takes one point. Milliseconds to wait, 0 when there was one. */
async function take(counter: RateLimiterAbstract, key: string): Promise<number> {
  try {
    await counter.consume(key);
    return 0;
  } catch (refusal) {
    if (refusal instanceof RateLimiterRes) return Math.max(refusal.msBeforeNext, 1);
    throw refusal;
  }
}

const MAX_SHUT = 10_000;

/** Which clients need not be looked up again for a while. */
function createShutDoors() {
  const until = new Map<string, number>();
  return {
    remainingMs: (key: string) => (until.get(key) ?? 0) - performance.now(),
    shut(key: string, forMs: number) {
      until.delete(key);
      until.set(key, performance.now() + forMs);
      const [oldest] = until.keys();
      if (until.size > MAX_SHUT && oldest !== undefined) until.delete(oldest);
    },
  };
}

function tooMany(retryAfterMs: number): AppError {
  const seconds = Math.ceil(retryAfterMs / 1_000);
  return new AppError("rate_limited", `Too many attempts, try again in ${seconds} s`, {
    details: { retryAfterMs: Math.ceil(retryAfterMs) },
  });
}
