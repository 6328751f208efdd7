// At which trigger a webhook starts its workflow.
import { AppError } from "../../domain/app-error.ts";
import type { HookStart } from "../../persistence/webhooks/called-webhooks.ts";

const WEBHOOK_TRIGGER = "trigger.webhook";

/**
 * The one that is named, else the only trigger.webhook; null (the workflow's default) where there is none. Throws
 * `invalid_trigger` for a name that is no trigger's, `webhook_trigger_unclear` where there are several to choose from.
 */
export function chooseTrigger(
  { triggers }: Pick<HookStart, "triggers">,
  named: string | null,
): string | null {
  if (named !== null) {
    if (triggers.some(({ id }) => id === named)) return named;
    const message = `The workflow has no trigger node ${named}; it has ${triggers.map(({ id }) => id).join(", ")}`;
    throw new AppError("invalid_trigger", message, { problems: [{ path: "trigger", message }] });
  }
  const own = triggers.filter(({ type }) => type === WEBHOOK_TRIGGER);
  if (own.length > 1) {
    const message = `The workflow has several nodes of type ${WEBHOOK_TRIGGER}; name one of ${own.map(({ id }) => id).join(", ")}`;
    throw new AppError("webhook_trigger_unclear", message, { problems: [{ path: "trigger", message }] });
  }
  return own[0]?.id ?? null;
}
