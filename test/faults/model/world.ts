// The model's world: an execution with one effect, two workers that run it step by step, and everything that can go wrong.
import { isTerminal, MAX_CRASHES } from "../../../core/domain/execution.ts";
import type { Command } from "./commands.ts";
import {
  cancel,
  claim,
  type End,
  type ExecutionRow,
  expire,
  FRESH,
  finish,
  hearAnswer,
  holds,
  mayRetry,
  type Owner,
  type Rules,
  reap,
  renew,
  ringAnew,
  wakeDue,
} from "./state-machine.ts";

/** A worker's run of one claim. Killed, it is gone; stopped and woken, it goes on where it was, knowing nothing. */
export type Run = {
  owner: Owner;
  fence: number;
  /** The wake it was claimed with. */
  wake: number;
  /** `resting`: its effect waits for an answer or is in doubt, and nothing of the run moves. */
  at: "claimed" | "announced" | "sent" | "answered" | "resting";
  /** What the journal said at the claim of an attempt that had waited: that it may go on now. */
  resumes: boolean;
};
export type Attempt = {
  number: number;
  fence: number;
  /** `waiting` for an answer; `unknown`: a person must say what became of it. */
  status: "running" | "waiting" | "unknown" | "succeeded" | "failed" | "cancelled";
  isAnswered: boolean;
  /** What a person has said of one in doubt while its run went on: the next claim ends it so. */
  decided: "succeeded" | "failed" | null;
};

export type World = {
  row: ExecutionRow;
  runs: Run[];
  attempts: Attempt[];
  /** Times the effect went out. */
  sent: number;
  retries: number;
  /** The time for which the last attempt waits has come: no column, the engine compares. */
  isDue: boolean;
};

export const newWorld = (): World => ({
  row: FRESH,
  runs: [],
  attempts: [],
  sent: 0,
  retries: 0,
  isDue: false,
});

/** What the command changed in the row, for whoever does the same in PostgreSQL; null: refused, or nothing to do. */
export function apply(world: World, command: Command, rules: Rules): ExecutionRow | null {
  const next = nextRow(world, command, rules);
  if (next) world.row = next;
  // Nobody waits for the steps of what has failed or was cancelled.
  if (world.row.status === "failed" || world.row.status === "cancelled")
    for (const attempt of world.attempts) if (attempt.status === "waiting") attempt.status = "cancelled";
  return next;
}

function nextRow(world: World, command: Command, rules: Rules): ExecutionRow | null {
  const { row } = world;
  switch (command.do) {
    case "ring": {
      const next = claim(row, command.by, MAX_CRASHES);
      if (next) world.runs.push(newRun(world, command.by, next));
      return next;
    }
    case "proceed": {
      const found = runOf(world, command.run);
      return found ? proceed(world, found, command.to, rules) : null;
    }
    case "kill": {
      const found = runOf(world, command.run);
      if (found) drop(world, found);
      return null;
    }
    case "renew":
      return renew(row, command.by);
    case "reap":
      return reap(row, command.beating);
    case "expire":
      return expire(row);
    case "cancel":
      return cancel(row);
    case "reconcile":
      return ringAnew(row, row.wake);
    case "retry":
      if (mayRetry(row)) world.retries++;
      return null;
    case "wake":
      if (row.status === "waiting") world.isDue = true;
      return wakeDue(row);
    case "answer":
      return answer(world);
    case "decide":
      return decide(world, command.skip);
  }
}

/** Loads the journal right after its claim. */
function newRun({ attempts, isDue }: World, by: Owner, { fence, wake }: ExecutionRow): Run {
  const last = attempts.at(-1);
  if (last?.decided) Object.assign(last, { status: last.decided, decided: null });
  const waits = last?.status === "waiting";
  const resumes = waits && (last.isAnswered || isDue);
  const rests = last?.status === "unknown" || (waits && !resumes);
  return { owner: by, fence, wake, at: rests ? "resting" : "claimed", resumes };
}

function answer({ row, attempts }: World): ExecutionRow | null {
  const last = attempts.at(-1);
  if (last?.status !== "waiting" || last.isAnswered) return null;
  last.isAnswered = true;
  return hearAnswer(row);
}

/** While other branches run it is noted, and they are told by the wake, as of an answer. */
function decide({ row, attempts }: World, skip: boolean): ExecutionRow | null {
  const last = attempts.at(-1);
  if (last?.status !== "unknown" || last.decided || isTerminal(row.status)) return null;
  const said = skip ? "succeeded" : "failed";
  if (row.status === "running") last.decided = said;
  else last.status = said;
  return hearAnswer(row);
}

export function runOf({ runs }: World, index: number): Run | undefined {
  return runs[index % Math.max(runs.length, 1)];
}

/** What a run does next; the engine's order: announce and commit, send, commit the answer, end. */
export function nextThing(world: World, { at, resumes }: Run): "announce" | "send" | "note" | "end" {
  if (at === "claimed") {
    if (resumes) return "note";
    return world.attempts.some(({ status }) => status === "succeeded") ? "end" : "announce";
  }
  return at === "announced" ? "send" : at === "sent" ? "note" : "end";
}

/** The attempt whose end a run notes: that which it goes on with, or its own, which a later claim may have closed. */
export function attemptOf({ attempts }: World, { fence, resumes }: Run): Attempt | undefined {
  return resumes ? attempts.at(-1) : attempts.findLast((attempt) => attempt.fence === fence);
}

/** How an attempt ends: with its answer, by waiting for one, or in doubt. */
export function noted(to: End): "succeeded" | "waiting" | "unknown" {
  return to === "waiting" ? "waiting" : to === "failed" ? "unknown" : "succeeded";
}

/** Where a run ends: what rests waits unless it is stopped, and nothing else does. */
export function endOf({ at }: Run, to: End): End {
  if (at === "resting") return to === "succeeded" ? "waiting" : to;
  return to === "waiting" ? "succeeded" : to;
}

function proceed(world: World, current: Run, to: End, rules: Rules): ExecutionRow | null {
  const { row, attempts } = world;
  const thing = nextThing(world, current);
  if (thing === "send") {
    world.sent++;
    current.at = "sent";
    return null;
  }
  if (thing === "end") {
    drop(world, current);
    return finish(row, current, endOf(current, to), rules);
  }
  if (!holds(row, current.fence, rules)) {
    drop(world, current);
    return null;
  }
  if (thing === "announce") {
    for (const attempt of attempts) {
      // Closed by whoever found it open, under that one's fence.
      if (attempt.status === "running") Object.assign(attempt, { status: "failed", fence: current.fence });
    }
    attempts.push({
      number: attempts.length + 1,
      fence: current.fence,
      status: "running",
      isAnswered: false,
      decided: null,
    });
    current.at = "announced";
  } else {
    // What had waited goes on to its end: it is not in doubt, and does not wait again.
    const status = current.resumes ? "succeeded" : noted(to);
    const own = attemptOf(world, current);
    if (own?.status === "running" || own?.status === "waiting")
      Object.assign(own, { status, fence: current.fence });
    if (status === "waiting") world.isDue = false;
    current.at = status === "succeeded" ? "answered" : "resting";
  }
  return null;
}

function drop(world: World, gone: Run): void {
  world.runs = world.runs.filter((one) => one !== gone);
}
