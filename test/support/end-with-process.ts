// What a test starts does not outlive the test's process, also when its clean-up was never reached.
import type { ChildProcess } from "node:child_process";

let started: Set<ChildProcess> | undefined;

/** Returns the child, which gets a SIGKILL when this process exits before it. */
export function endWithProcess<Child extends ChildProcess>(child: Child): Child {
  const living = started ?? watchExit();
  living.add(child);
  child.once("exit", () => living.delete(child));
  return child;
}

function watchExit(): Set<ChildProcess> {
  const living = new Set<ChildProcess>();
  started = living;
  process.once("exit", () => {
    for (const child of living) child.kill("SIGKILL");
  });
  return living;
}
