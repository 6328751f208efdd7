// Awaits without a crash point beside them: each with the point that stands for it, or the reason why none is needed.

/** Where executions are accepted, claimed, written down, ended and recovered, and effects go out. */
export const WATCHED = [
  "core/egress/{departure,http-client}.ts",
  "core/egress/postgres/{sql-client,transaction}.ts",
  "core/engine/*.ts",
  "core/nodes/*/run.ts",
  "core/queue/{bell-consumer,execution-queue}.ts",
  "core/services/executions/*.ts",
  "core/services/schedules/{catch-up,fire-around-held,fire-committer,fire-due,fire-page,fire-pending,fire-slots,give-up-due,run-by-halves,start-executions,take-turns}.ts",
  "scheduler/{firing-loop,recovery-loop}.ts",
  "worker/*.ts",
];

/** Of those, what changes nothing that anybody else relies on. */
export const OFF_THE_PATHS: Readonly<Record<string, string>> = {
  "core/services/executions/eager-starts.ts":
    "reads; what it tells is said by the commit of api.after_submit_commit",
  "core/services/executions/list-workers.ts": "reads",
  "core/services/executions/read-execution.ts": "reads, with an entry in the audit log in the same commit",
  "core/services/executions/take-census.ts": "reads",
  "core/services/executions/watch-execution.ts": "reads",
  "worker/bell-line.ts": "connections; a bell in hand is worker.after_ring's",
  "worker/hear-eager-starts.ts": "a connection; an execution heard of is worker.after_ring's",
  "worker/listen-for-rings.ts": "connections",
  "worker/lease-keeper.ts": "the end of the lease thread",
  "worker/lease-thread.ts": "a thread that dies takes the worker with it, at any of its points",
  "worker/main.ts": "start and stop: F41 kills at the stop, and nothing is claimed at the start",
  "worker/read-secret-file.ts": "reads",
  "worker/read-vault-field.ts": "reads",
  "worker/resolve-reference.ts": "reads",
  "worker/watch-claims.ts": "reads",
  "worker/byte-budget.ts": "waits in memory",
  "worker/load-history.ts":
    "reads, and ends what was decided: undone or done, the next claim finds it as it is",
  "worker/workflow-cache.ts": "reads",
};

const READS = "reads: to die here is to die before it";
const PAUSES = "waits in memory, nothing was changed since the last commit";
const INSIDE = "waits for what these files do, point by point";
const OPENS_ELSEWHERE = "a connection to another database, nothing sent";
const OPENS = "connections, no bell in hand";
const AFTER_COMMIT = "worker.after_commit";

/** By file and name; a value that is a crash point stands for the await from another function. */
export const ACCOUNTED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "core/egress/http-client.ts": {
    "follow › readBody": "worker.in_effect",
    "request › withDeadline": INSIDE,
  },
  "core/egress/departure.ts": { "unlessAbandoned › Promise.race": "worker.in_effect" },
  "core/egress/postgres/sql-client.ts": {
    "run › withDeadline.catch": "worker.before_sql_commit",
    "run › openConnection": OPENS_ELSEWHERE,
  },
  "core/egress/postgres/transaction.ts": {
    "runInTransaction › client.query": "worker.before_sql_commit",
    "runInTransaction › runStatement": "worker.before_sql_commit",
  },
  "core/engine/attempt-node.ts": {
    "attemptNode › journal.flush": AFTER_COMMIT,
    "endSucceeded › journal.flush": AFTER_COMMIT,
    "loop › runLoop": INSIDE,
  },
  "core/engine/credential-source.ts": {
    "use › credentials.open":
      "its commit is an entry in the audit log; for the effect it is worker.after_step_start",
  },
  "core/engine/journal.ts": { "writeBuffer › store.write": AFTER_COMMIT },
  "core/engine/observe-attempt.ts": { "observeAttempt › attempt": INSIDE },
  "core/engine/pinned-node.ts": { "endPinned › journal.flush": AFTER_COMMIT },
  "core/engine/run-attempt.ts": {
    "runBounded › Promise.race": "worker.after_effect",
    "runBounded › settle": INSIDE,
  },
  "core/engine/run-child.ts": { "recordChild › context.children.findVersion": READS },
  "core/engine/run-execution.ts": {
    "runExecution › walkGraph.catch.finally": "worker.before_finish",
    "runExecution › journal.close": AFTER_COMMIT,
    "runExecution › journal.close.then": AFTER_COMMIT,
    "failWithoutJournal › store.write": AFTER_COMMIT,
  },
  "core/engine/run-node.ts": { "afterBackOff › context.standstill.rest": PAUSES },
  "core/engine/run-scope.ts": { "walkAll › Promise.all": INSIDE, "runLoop › Promise.all": INSIDE },
  "core/engine/settle-effect.ts": { "settleEffect › Promise.race": "worker.after_effect" },
  "core/engine/settle-approval.ts": {
    "settleApproval › context.journal.flush": AFTER_COMMIT,
    "settleApproval › context.approvals.settle": READS,
  },
  "core/engine/sleep.ts": { "sleepUnlessAborted › delay": PAUSES },
  "core/engine/standstill.ts": { "rest › promise": PAUSES },
  "core/engine/suspend-node.ts": { "awaitWake › context.standstill.rest": PAUSES },
  "core/nodes/code.javascript/run.ts": {
    "runJavascript › context.ports.scripts.run": "pure: computed again",
  },
  "core/nodes/http.request/run.ts": {
    "runHttpRequest › beforeEffect": INSIDE,
    "send › http.request": "worker.after_effect",
  },
  "core/nodes/sql.query/run.ts": {
    "runSqlQuery › beforeEffect": INSIDE,
    "runSqlQuery › context.ports.sql.run": "worker.after_effect",
  },
  "core/queue/bell-consumer.ts": {
    "consumeBells › Promise.allSettled": OPENS,
    "stop › Promise.all": OPENS,
    "listenAt › worker.waitUntilReady": OPENS,
    "listenAt › worker.startStalledCheckTimer": OPENS,
    "listen › awaitRoom": "no bell in hand",
    "listen › next": "worker.after_ring",
    "listen › delay": "no bell in hand",
    "stop › worker.backend.disconnectBlocking": OPENS,
    "stop › worker.close": OPENS,
    "atMost › Promise.race": "at a stop: a bell that is taken last is told of as every other",
  },
  "core/queue/execution-queue.ts": {
    "ring › Promise.all": "the callers' points are before it",
    "add › Promise.all": "the callers' points are before it",
    "add › to.addBulk": "the callers' points are before it",
    "find › Promise.all": READS,
    "find › where.getJobState": READS,
    "countWaiting › Promise.all": READS,
    "close › Promise.all": OPENS,
  },
  "core/services/executions/announce-rings.ts": {
    "ring › queue.ring": "api.after_submit_commit",
    "drain › Promise.all": PAUSES,
  },
  "core/services/executions/approvals.ts": {
    "list › database.transaction": READS,
    "list › Promise.all": "entries in the audit log for what was read",
  },
  "core/services/executions/executions.ts": {
    "list › database.transaction": READS,
    "statuses › database.transaction": READS,
    "waitForEnd › readEnd": READS,
    "waitForEnd › change": PAUSES,
    "waitForEnd › change #2": PAUSES,
  },
  "core/services/executions/pass-on-cancels.ts": {
    "passOnCancels › findLastCancel": READS,
    "passOnCancels › listCancels": READS,
    "passOnCancels › passOnCancel": "each a transaction that notes what it leaves",
    "passOnCancels › isDatabaseAway": "no await, a word about an error",
  },
  "core/services/executions/recover-executions.ts": {
    "recoverExecutions › passOnWakes": "rings for nobody: whom it woke is found unheard of",
    "ringUnheard › findUnheard": READS,
    "ringUnheard › queue.find": READS,
    "ringUnheard › markRung": "notes that a bell is there: it is",
    "ringAll › queue.ring": "the callers' points are before it",
  },
  "core/services/executions/submit-executions.ts": {
    "writeBatch › database.transaction": "api.after_submit_commit",
    "writeBatch › commits": "api.after_submit_commit",
    "isShared › isDeadlock": "no await, a word about an error",
    "submit › database.transaction": READS,
    "submit › writer.write": "api.after_submit_commit",
    "submit › database.transaction #2": READS,
    "submitMany › database.transaction": "api.after_submit_commit",
    "drain › writer.drain": "api.after_submit_commit",
    "drain › rings.drain": PAUSES,
  },
  "core/services/schedules/catch-up.ts": { "catchUp › findDue": READS },
  "core/services/schedules/fire-around-held.ts": {
    "fireFree › fire": INSIDE,
    "fireFree › isInOthersHands": "no await, a word about an error",
    "fireFree › isStatementTimeout": "no await, a word about an error",
    "fireHeld › fire": INSIDE,
    "fireHeld › isInOthersHands": "no await, a word about an error",
    "fireHeld › isStatementTimeout": "no await, a word about an error",
    "fireHeld › onBad": INSIDE,
    "isDone › isDatabaseAway": "no await, a word about an error",
  },
  "core/services/schedules/fire-committer.ts": {
    "fire › queue.ring": "scheduler.after_fire_commit",
    "giveUp › explainStuck": "a line of history, written again by the next who fails",
    "dealWith › isInOthersHands": "no await, a word about an error",
    "dealWith › isStatementTimeout": "no await, a word about an error",
  },
  "core/services/schedules/fire-due.ts": {
    "look › findDue": READS,
    "look › planner.prepare": "reckons in memory what is asked for soon",
  },
  "core/services/schedules/fire-page.ts": {
    "firePage › committer.commit": INSIDE,
    "planPage › planner\n      .plan.catch": "reckons in memory; what cannot be read is given up below",
    "inLanes › items": INSIDE,
    "inLanes › work": INSIDE,
    "inLanes › Promise.allSettled": INSIDE,
  },
  "core/services/schedules/run-by-halves.ts": { "runByHalves › work": INSIDE },
  "core/services/schedules/take-turns.ts": {
    "takeTurns › findWaiting": READS,
    "takeTurns › splitChunks": "no await of its own, parts a list",
    "takeTurns › committer.commit": INSIDE,
  },
  "scheduler/firing-loop.ts": {
    "startFiringLoop › firing.look": INSIDE,
    "startFiringLoop › rest": PAUSES,
    "startFiringLoop › firing.catchUp": INSIDE,
    "startFiringLoop › rest #2": PAUSES,
    "startFiringLoop › firing.takeTurns": INSIDE,
    "startFiringLoop › rest #3": PAUSES,
    "stop › Promise.all": PAUSES,
  },
  "scheduler/recovery-loop.ts": {
    "run › open": OPENS,
    "run › rest": PAUSES,
    "run › session.acquire": "a lock that ends with its connection",
    "run › rest #2": PAUSES,
    "run › session.close": OPENS,
    "run › session.close.catch": OPENS,
    "timed › session.recover": INSIDE,
  },
  "worker/await-database.ts": {
    "awaitDatabase › work": INSIDE,
    "awaitDatabase › isStatementTimeout": "no await, a word about an error",
    "awaitDatabase › delay": PAUSES,
  },
  "worker/claim-gate.ts": {
    "claimFree › claimExecutions": "worker.after_claim",
    "claimRest › findUnclaimed": READS,
    "claimRest › claimWithinLimits": "worker.after_call",
    "writeBatch › callNext": "worker.after_call",
  },
  "worker/create-approval-source.ts": { "settle › settleApproval": READS },
  "worker/create-child-source.ts": { "findVersion › database.transaction": READS },
  "worker/create-run-store.ts": {
    "ringParents › findQueued": READS,
    "writeBatch › writeJournal": AFTER_COMMIT,
    "writeBatch › database.transaction": "worker.after_queued",
    "write › writer.write": AFTER_COMMIT,
    "write › hasMoved": READS,
  },
  "worker/credential-gate.ts": {
    "writeBatch › database.transaction":
      "an entry in the audit log; for the effect it is worker.after_step_start",
    "admit › writer.write": INSIDE,
  },
  "worker/few-at-once.ts": { "run › new Promise": PAUSES, "run › work": INSIDE },
  "worker/isolation.ts": { "during › work": INSIDE, "alone › turn": PAUSES },
  "worker/open-credential.ts": {
    "open › references.resolve": READS,
    "unseal › envelope.open": READS,
  },
  "worker/process-executions.ts": {
    "runBeside › isolation.beside": INSIDE,
    "runBeside › claim": "worker.after_claim",
    "work › gate.claimAlone": "worker.after_claim",
    "runAlone › isolation.alone": INSIDE,
    "runAlone › postponeSuspect": "queued before and after: rung by recovery, now or later",
    "runAlone › isolation.beside": INSIDE,
    "answer › fewAtOnce.run": INSIDE,
    "createProcessor › running.during": INSIDE,
    "runClaimed › gate.letGo": "worker.after_call",
    "runToEnd › loadHistory": READS,
    "endUnstarted › store.write": AFTER_COMMIT,
  },
  "worker/running-executions.ts": { "during › work": INSIDE, "whenIdle › new Promise": PAUSES },
  "worker/slots.ts": { "run › work": INSIDE },
  "worker/take-bells.ts": {
    "run › slots.run": INSIDE,
    "run › given.write": INSIDE,
  },
};
