// The queue dashboard at /queues: its guard, its board, and the route that opens it.
import { Router } from "express";
import type { Config } from "#core/config.ts";
import { createQueuesSessionTokens } from "#core/crypto/queues-session.ts";
import type { ExecutionQueue } from "#core/queue/execution-queue.ts";
import type { QueueAudit } from "#core/services/audit/queue-audit.ts";
import { createQueueBoard } from "../dashboards/queues/create-queue-board.ts";
import { createQueuesGuard, QUEUES_PATH, type QueuesGuardDependencies } from "./middleware/queues-session.ts";
import { createQueuesSessionRoute } from "./routes/queues-session.ts";

export type QueuesDependencies = {
  config: Config;
  queue: ExecutionQueue;
  identity: { findActor: QueuesGuardDependencies["findActor"] };
  queueAudit: QueueAudit;
};

export function buildQueues({ config, queue, identity, queueAudit: audit }: QueuesDependencies) {
  const { publicUrl } = config;
  const tokens = createQueuesSessionTokens({ secrets: config.jwtSecrets, issuer: publicUrl });
  const guard = createQueuesGuard({ tokens, findActor: identity.findActor, publicUrl });
  const board = createQueueBoard({
    queues: [queue.bull, queue.busy],
    basePath: QUEUES_PATH,
    mayWrite: (request) => guard.viewerOf(request).write,
    onAction: (request, { verb, ...target }) =>
      audit.record(guard.viewerOf(request).actor.userId, { action: `queue.${verb}`, ...target }),
  });
  return {
    route: createQueuesSessionRoute({ tokens, audit, publicUrl }),
    // The guard comes first and is part of the mount, so that the board cannot be mounted without it.
    mount: { path: QUEUES_PATH, handler: Router().use(guard.handler, board) },
  };
}
