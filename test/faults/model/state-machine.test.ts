// The state machine under 100,000 sequences of faults, and the same commands against PostgreSQL, which must agree.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isTerminal, MAX_CRASHES } from "../../../core/domain/execution.ts";
import { chooseSeed } from "../driver/random.ts";
import { type Command, commands, waitingCommands, zombieCommands } from "./commands.ts";
import { createSqlWorld } from "./sql-world.ts";
import { type Rules, STRICT } from "./state-machine.ts";
import { apply, newWorld, type World } from "./world.ts";

const SEQUENCES = 100_000;
const SQL_SEQUENCES = 60;
const seed = chooseSeed();
const sequences = fc.oneof(commands, zombieCommands, waitingCommands);

/** Plays the commands and looks at every invariant after each. Throws for the first that does not hold. */
function play(sequence: readonly Command[], rules: Rules): World {
  const world = newWorld();
  for (const command of sequence) {
    const { row: before, attempts } = world;
    const done = attempts.filter(({ status }) => status === "succeeded").length;
    const count = attempts.length;
    apply(world, command, rules);
    const { row } = world;
    if (isTerminal(before.status) && row !== before) throw new Error("I3: moved after its end");
    if (row.fence < before.fence) throw new Error("I5: the fence went back");
    if (done > 0 && attempts.length > count) throw new Error("I4: ran again after it had succeeded");
    if (attempts.filter(({ status }) => status === "succeeded").length > 1)
      throw new Error("I4: succeeded twice");
    if (world.sent > attempts.length) throw new Error("I2: sent without an attempt in the journal");
    if (attempts.some(({ fence }, index) => fence < (attempts[index - 1]?.fence ?? 0)))
      throw new Error("I5: an attempt was written under a stale fence");
    if ((row.status === "running") !== (row.owner !== null))
      throw new Error("an owner without a run, or a run without");
    if (row.crashes > MAX_CRASHES) throw new Error("a poison execution goes on");
    if (row.status === "waiting" && !isOpen(world)) throw new Error("I1: waits for what has come already");
  }
  return world;
}

/** There is something to wait for: an answer that has not been given, or a decision. */
function isOpen({ attempts }: World): boolean {
  const last = attempts.at(-1);
  return (last?.status === "unknown" && !last.decided) || (last?.status === "waiting" && !last.isAnswered);
}

/** I1: nothing that can happen leaves an execution where workers, reaper, time and a person together cannot end it. */
function drain(world: World): void {
  world.runs = [];
  const steps: Command[] = [
    { do: "expire" },
    { do: "reap", beating: true },
    { do: "wake" },
    { do: "decide", skip: false },
    { do: "reconcile" },
    { do: "ring", by: "A" },
    ...Array.from({ length: 4 }, (): Command => ({ do: "proceed", run: 0, to: "succeeded" })),
  ];
  // The second time for what is found in doubt when its worker's lease has run out.
  for (const command of [...steps, ...steps]) apply(world, command, STRICT);
  if (!isTerminal(world.row.status)) throw new Error(`I1: stuck ${world.row.status}`);
}

test(`${SEQUENCES} sequences of commands and faults keep I1 to I5`, (t) => {
  const seen = new Map<string, number>();
  const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  const property = fc.property(sequences, (sequence) => {
    const world = play(sequence, STRICT);
    count(world.row.status);
    if (world.attempts.at(-1)?.isAnswered) count("answered");
    drain(world);
    if (world.attempts.length > 1) count("effect again");
  });
  fc.assert(property, { numRuns: SEQUENCES, seed });
  t.diagnostic(`seed ${seed}: ${JSON.stringify(Object.fromEntries(seen))}`);
  for (const what of ["succeeded", "failed", "cancelled", "waiting", "answered", "effect again"])
    assert.ok((seen.get(what) ?? 0) > SEQUENCES / 1_000, `${what} is among them`);
});

test("the same without fences breaks: the model could tell", () => {
  const rules = { ...STRICT, fenced: false };
  const property = fc.property(zombieCommands, (sequence) => void play(sequence, rules));
  const { failed, errorInstance } = fc.check(property, { numRuns: SEQUENCES, seed });
  assert.ok(failed, "no sequence broke it");
  assert.match(String(errorInstance), /I[12345]:/);
});

test("the same without counted wakes breaks: an answer is lost that comes while its run ends", () => {
  const rules = { ...STRICT, wakesCounted: false };
  const property = fc.property(waitingCommands, (sequence) => void play(sequence, rules));
  const { failed, errorInstance } = fc.check(property, { numRuns: SEQUENCES, seed });
  assert.ok(failed, "no sequence broke it");
  assert.match(String(errorInstance), /I1:/);
});

test(`PostgreSQL agrees with the model after every command of ${SQL_SEQUENCES} sequences`, async (t) => {
  const sql = await createSqlWorld(t);
  const property = fc.asyncProperty(sequences, async (sequence) => {
    const world = newWorld();
    const real = await sql.open();
    for (const command of sequence) {
      const act = real.prepare(world, command);
      apply(world, command, STRICT);
      await act();
      assert.deepEqual(await real.look(), {
        row: world.row,
        attempts: world.attempts,
        retries: world.retries,
      });
    }
  });
  await fc.assert(property, { numRuns: SQL_SEQUENCES, seed });
});
