// The model's world: an execution with one effect, two workers that run it step by step, and everything that can go wrong.
import fc from "fast-check";
import { MAX_CRASHES } from "../../../core/domain/execution.ts";
import {
  cancel,
  claim,
  type End,
  type ExecutionRow,
  expire,
  FRESH,
  finish,
  holds,
  mayRetry,
  type Owner,
  type Rules,
  reap,
  renew,
  ringAnew,
} from "./state-machine.ts";

/** A worker's run of one claim. Killed, it is gone; stopped and woken, it goes on where it was, knowing nothing. */
export type Run = { owner: Owner; fence: number; at: "claimed" | "announced" | "sent" | "answered" };
export type Attempt = { number: number; fence: number; status: "running" | "succeeded" | "failed" };

export type World = {
  row: ExecutionRow;
  runs: Run[];
  attempts: Attempt[];
  /** Times the effect went out. */
  sent: number;
  retries: number;
};

export type Command =
  | { do: "ring"; by: Owner }
  /** A run does its next thing: announce, send, note the answer, end. */
  | { do: "proceed"; run: number; to: End }
  | { do: "kill"; run: number }
  | { do: "renew"; by: Owner }
  | { do: "reap"; beating: boolean }
  | { do: "expire" | "cancel" | "retry" | "reconcile" };

const owner = fc.constantFrom<Owner>("A", "B");
/** Of the runs that are there, modulo. */
const run = fc.nat({ max: 3 });
const to = fc.constantFrom<End>("succeeded", "succeeded", "failed", "cancelled", "queued", "waiting");

export const commands = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant("ring" as const), by: owner }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant("proceed" as const), run, to }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("kill" as const), run }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("renew" as const), by: owner }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("reap" as const), beating: fc.boolean() }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom("expire", "expire", "expire", "reconcile", "retry", "cancel"),
      }),
    },
  ),
  { minLength: 1, maxLength: 24, size: "max" },
) as fc.Arbitrary<Command[]>;

/** Those that begin with a worker that has lost its claim to another one and does not know: rare by chance. */
export const zombieCommands = fc
  .tuple(fc.nat({ max: 2 }), commands)
  .map(([steps, rest]): Command[] => [
    { do: "ring", by: "A" },
    ...Array.from({ length: steps }, (): Command => ({ do: "proceed", run: 0, to: "succeeded" })),
    { do: "expire" },
    { do: "reap", beating: true },
    { do: "ring", by: "B" },
    ...rest,
  ]);

export const newWorld = (): World => ({ row: FRESH, runs: [], attempts: [], sent: 0, retries: 0 });

/** What the command changed in the row, for whoever does the same in PostgreSQL; null: refused, or nothing to do. */
export function apply(world: World, command: Command, rules: Rules): ExecutionRow | null {
  const next = nextRow(world, command, rules);
  if (next) world.row = next;
  return next;
}

function nextRow(world: World, command: Command, rules: Rules): ExecutionRow | null {
  const { row } = world;
  switch (command.do) {
    case "ring": {
      const next = claim(row, command.by, MAX_CRASHES);
      if (next) world.runs.push({ owner: command.by, fence: next.fence, at: "claimed" });
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
  }
}

export function runOf({ runs }: World, index: number): Run | undefined {
  return runs[index % Math.max(runs.length, 1)];
}

/** What a run does next; the engine's order: announce and commit, send, commit the answer, end. */
export function nextThing(world: World, { at }: Run): "announce" | "send" | "note" | "end" {
  if (at === "claimed")
    return world.attempts.some(({ status }) => status === "succeeded") ? "end" : "announce";
  return at === "announced" ? "send" : at === "sent" ? "note" : "end";
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
    return finish(row, current.fence, to, rules);
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
    attempts.push({ number: attempts.length + 1, fence: current.fence, status: "running" });
    current.at = "announced";
  } else {
    const own = attempts.findLast(({ fence }) => fence === current.fence);
    if (own?.status === "running") own.status = "succeeded";
    current.at = "answered";
  }
  return null;
}

function drop(world: World, gone: Run): void {
  world.runs = world.runs.filter((one) => one !== gone);
}
