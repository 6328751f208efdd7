// Attempts at one account: delays that grow for everybody but the clients it knows.
import { type RateLimiterAbstract, RateLimiterRes } from "rate-limiter-flexible";
import type { AccountAllowance } from "../../domain/attempt-limits.ts";
import type { MakeCounter } from "../../persistence/identity/attempt-counters.ts";

export type AccountVerdict = {
  /** 0 when the attempt may be made. */
  waitMs: number;
  /** This client has succeeded at this account before. */
  isFamiliar: boolean;
};

/** Names in the store; `account` is null where no account is tried. */
export type AccountKeys = { account: string | null; pair: string };

export type AccountGate = {
  enter(keys: AccountKeys): Promise<AccountVerdict>;
  giveBack(keys: AccountKeys, isRight: boolean): Promise<unknown>;
};

export const OPEN: AccountVerdict = { waitMs: 0, isFamiliar: false };

export function createAccountGate(
  name: string,
  rule: AccountAllowance,
  makeCounter: MakeCounter,
): AccountGate {
  const everybody = makeCounter(`${name}:account`, rule);
  const pair = makeCounter(`${name}:pair`, rule);
  const delays = makeCounter(`${name}:delays`, { points: 1, seconds: rule.forgetSeconds });
  const familiar = makeCounter(`${name}:familiar`, { points: 1, seconds: rule.familiarSeconds });

  /** The one attempt that went over the edge makes all wait: it alone sees this count. */
  const delay = async (key: string): Promise<number> => {
    const { consumedPoints } = await delays.penalty(key);
    const seconds = Math.min(rule.delaySeconds * 2 ** (consumedPoints - 1), rule.maxDelaySeconds);
    await everybody.block(key, seconds);
    return seconds * 1_000;
  };
  return {
    async enter({ account, pair: pairKey }) {
      if (account === null) return OPEN;
      const [all, own, known] = await Promise.all([
        count(everybody, account),
        count(pair, pairKey),
        familiar.get(pairKey).catch(() => null),
      ]);
      const allMs = all.consumedPoints === rule.points + 1 ? await delay(account) : waitOf(all, rule);
      const isFamiliar = known !== null;
      return { isFamiliar, waitMs: isFamiliar ? waitOf(own, rule) : allMs };
    },
    async giveBack({ account, pair: pairKey }, isRight) {
      if (account === null) return;
      if (!isRight) {
        await Promise.all([everybody.reward(account), pair.reward(pairKey)]);
        return;
      }
      await Promise.all([
        everybody.delete(account),
        delays.delete(account),
        pair.delete(pairKey),
        familiar.set(pairKey, 1, rule.familiarSeconds),
      ]);
    },
  };
}

/** The count with this attempt, whether or not there was a point left. */
function count(counter: RateLimiterAbstract, key: string): Promise<RateLimiterRes> {
  return counter.consume(key).catch((refusal: unknown) => {
    if (refusal instanceof RateLimiterRes) return refusal;
    throw refusal;
  });
}

function waitOf({ consumedPoints, msBeforeNext }: RateLimiterRes, { points }: AccountAllowance): number {
  return consumedPoints > points ? Math.max(msBeforeNext, 1) : 0;
}
