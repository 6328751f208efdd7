// Limits for tests that are not about limits: a whole suite registers from one address.
import { ATTEMPT_RULES, type AttemptRule, type AttemptRules } from "../../core/domain/attempt-limits.ts";

const PLENTY = 1_000_000;

function loosen(rule: AttemptRule): AttemptRule {
  return {
    ...rule,
    client: { ...rule.client, points: PLENTY },
    global: { ...rule.global, points: PLENTY },
    ...(rule.account && { account: { ...rule.account, points: PLENTY } }),
  };
}

export const LOOSE_RULES = Object.fromEntries(
  Object.entries(ATTEMPT_RULES).map(([name, rule]) => [name, loosen(rule)]),
) as AttemptRules;
