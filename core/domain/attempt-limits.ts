// How often what may be guessed or costs a hash can be tried: the one table of limits, as data.

/** At most `points` in `seconds`, counted from the first. */
export type Allowance = { points: number; seconds: number };

/**
 * What one account may be tried at. When `points` are used up, the account waits `delaySeconds`, the next time twice
 * as long, never longer than `maxDelaySeconds`; the delays are forgotten `forgetSeconds` after the first, and at a
 * right attempt. A client that has succeeded at the account within `familiarSeconds` does not share that fate: it
 * has `points` of its own, so that nobody elsewhere can lock it out.
 */
export type AccountAllowance = Allowance & {
  delaySeconds: number;
  maxDelaySeconds: number;
  forgetSeconds: number;
  familiarSeconds: number;
};

export type AttemptRule = {
  /** `wrong`: an attempt that turns out right gives back what it took. `all`: every attempt counts. */
  counts: "wrong" | "all";
  /** A client is an address, or the /64 an IPv6 address is in. */
  client: Allowance;
  /** The whole instance together. */
  global: Allowance;
  account?: AccountAllowance;
};

export type LimitName =
  | "login"
  | "register"
  | "invite"
  | "invitation"
  | "reset"
  | "password"
  | "mfa"
  | "refresh"
  | "hook";
export type AttemptRules = Readonly<Record<LimitName, AttemptRule>>;

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/**
 * At 10 per round and delays of 1, 2, 4, 8, then 15 minutes, forgotten every 6 hours, about 1,100 guesses a day are
 * left at one account however many addresses take part; its owner waits 15 minutes at most.
 */
const GUESSING: AccountAllowance = {
  points: 10,
  seconds: 5 * MINUTE,
  delaySeconds: MINUTE,
  maxDelaySeconds: 15 * MINUTE,
  forgetSeconds: 6 * HOUR,
  familiarSeconds: 30 * 24 * HOUR,
};

// A hospital behind one address mistypes often: 100 in 5 minutes are its people, 200 accounts in a row are not.
const GUESSERS = { client: { points: 100, seconds: 5 * MINUTE }, global: { points: 1_000, seconds: MINUTE } };

export const ATTEMPT_RULES: AttemptRules = {
  login: { counts: "wrong", ...GUESSERS, account: GUESSING },
  // Apart from the codes: a right password would forgive the wrong codes before it.
  password: { counts: "wrong", ...GUESSERS, account: GUESSING },
  mfa: { counts: "wrong", ...GUESSERS, account: GUESSING },
  invitation: { counts: "wrong", ...GUESSERS },
  reset: { counts: "wrong", ...GUESSERS },
  // Each costs a hash (124 ms) and leaves a person behind.
  register: {
    counts: "all",
    client: { points: 100, seconds: HOUR },
    global: { points: 1_000, seconds: HOUR },
  },
  // Each may be a mail to a stranger.
  invite: {
    counts: "all",
    client: { points: 60, seconds: HOUR },
    global: { points: 1_000, seconds: HOUR },
  },
  // Only deliveries that are refused come here, so no flood of them keeps a right one out. The account is the webhook.
  hook: { counts: "all", ...GUESSERS, account: { ...GUESSING, points: 100 } },
  // A tab asks every ten minutes: one address may hold some ten thousand of them.
  refresh: {
    counts: "all",
    client: { points: 1_200, seconds: MINUTE },
    global: { points: 20_000, seconds: MINUTE },
  },
};
