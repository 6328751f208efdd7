// What may happen to an execution of the model: single commands, and sequences that begin where things get difficult.
import fc from "fast-check";
import type { End, Owner } from "./state-machine.ts";

export type Command =
  | { do: "ring"; by: Owner }
  /** A run does its next thing: announce, send, note the answer, end. */
  | { do: "proceed"; run: number; to: End }
  | { do: "kill"; run: number }
  | { do: "renew"; by: Owner }
  | { do: "reap"; beating: boolean }
  /** A person's word on an effect in doubt. */
  | { do: "decide"; skip: boolean }
  /** `wake`: time passes until what waits is due. */
  | { do: "expire" | "cancel" | "retry" | "reconcile" | "wake" | "answer" };

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
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("wake", "answer", "answer") }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("decide" as const), skip: fc.boolean() }) },
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

const rests: Command = { do: "proceed", run: 0, to: "succeeded" };

/**
 * Those that begin with an effect that waits for an answer, or is in doubt: the run rests, or is about to. An answer
 * that comes right before it rests is rare by chance, too.
 */
export const waitingCommands = fc
  .tuple(
    fc.constantFrom<End>("waiting", "waiting", "failed"),
    fc.constantFrom<Command[]>([], [rests], [{ do: "answer" }, rests], [{ do: "answer" }, rests]),
    commands,
  )
  .map(([end, then, rest]): Command[] => [
    { do: "ring", by: "A" },
    { do: "proceed", run: 0, to: "succeeded" },
    { do: "proceed", run: 0, to: "succeeded" },
    { do: "proceed", run: 0, to: end },
    ...then,
    ...rest,
  ]);
