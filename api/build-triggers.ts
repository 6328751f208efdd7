// The use cases of what starts executions without a person: schedules and webhooks.
import { createPreviewService } from "#core/services/schedules/preview-slots.ts";
import { createReadHistory } from "#core/services/schedules/read-history.ts";
import { createScheduleService } from "#core/services/schedules/schedules.ts";
import { createScheduleStarter } from "#core/services/schedules/start-by-hand.ts";
import { type AnswerDependencies, awaitAnswer } from "#core/services/webhooks/await-answer.ts";
import { createWaiterLimit } from "#core/services/webhooks/limit-waiters.ts";
import {
  type Admitted,
  type HookRequest,
  type ReceiveDependencies,
  receiveDelivery,
} from "#core/services/webhooks/receive-delivery.ts";
import { createWebhookService } from "#core/services/webhooks/webhooks.ts";

export type TriggerDependencies = Parameters<typeof createScheduleService>[0] &
  Parameters<typeof createPreviewService>[0] &
  Parameters<typeof createReadHistory>[0] &
  Parameters<typeof createScheduleStarter>[0] &
  ReceiveDependencies &
  AnswerDependencies;

export function buildTriggers(dependencies: TriggerDependencies) {
  const limitWaiters = createWaiterLimit();
  return {
    schedules: createScheduleService(dependencies),
    schedulePreview: createPreviewService(dependencies),
    scheduleHistory: createReadHistory(dependencies),
    scheduleStarter: createScheduleStarter(dependencies),
    webhooks: createWebhookService(dependencies),
    hooks: {
      receive: (token: string, request: HookRequest) => receiveDelivery(dependencies, token, request),
      awaitAnswer: (admitted: Admitted, gone: AbortSignal) =>
        limitWaiters(admitted.webhookId, () => awaitAnswer(dependencies, admitted, gone)),
    },
  };
}
