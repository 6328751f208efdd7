// POST /auth/queues-session: opens the queue dashboard for ten minutes, for an administrator who asks with a token.
import { z } from "zod";
import type { QueuesSessionTokens } from "#core/crypto/queues-session.ts";
import { AppError } from "#core/domain/app-error.ts";
import { QUEUE_NAME } from "#core/queue/queue-backend.ts";
import type { QueueAudit } from "#core/services/audit/queue-audit.ts";
import { QUEUES_PATH, setQueuesCookie } from "../middleware/queues-session.ts";
import { defineRoute, type Route } from "../routing/route.ts";

export type QueuesSessionDependencies = {
  tokens: QueuesSessionTokens;
  audit: QueueAudit;
  publicUrl: string;
};

const body = z.strictObject({ write: z.boolean().default(false) }).optional();
const opened = z.object({ url: z.string(), write: z.boolean(), expiresIn: z.number() });

export function createQueuesSessionRoute({ tokens, audit, publicUrl }: QueuesSessionDependencies): Route {
  return defineRoute({
    method: "post",
    path: "/auth/queues-session",
    summary: "Open the queue dashboard: sets its cookie, read-only unless `write` is asked for",
    tag: "Identity",
    action: "self:admin",
    body,
    replies: { 200: { description: "The dashboard is open at `url`", schema: opened } },
    async handle({ actor, body: wish, response }) {
      if (actor.sessionId === null) throw new AppError("forbidden", "Sign in for this: no API key may do it");
      const write = wish?.write ?? false;
      await audit.record(actor.userId, {
        action: "queue.open",
        targetType: "queue",
        targetId: QUEUE_NAME,
        details: { write },
      });
      const cookie = tokens.sign({ userId: actor.userId, sessionId: actor.sessionId, write });
      setQueuesCookie(response, publicUrl, cookie);
      return { status: 200, body: { url: QUEUES_PATH, write, expiresIn: cookie.expiresIn } };
    },
  });
}
