// How much memory V8 may take before it tidies up: left alone it goes by the size of the machine, not by what is needed.
import { setFlagsFromString } from "node:v8";

/**
 * Arguments for Node that only count at its start. On 24 GB the space for new objects grows to 128 MB, of which a busy
 * worker has 36 MB alive all in all; two times 8 MB cost no measurable processor time (`docs/benchmarks.md`).
 */
export const ROLE_FLAGS = ["--max-semi-space-size=8"] as const;

/**
 * The heap may double between two full collections, not quadruple. It is no bound: what is alive may still fill the heap
 * up to V8's own limit, it is only looked through more often on the way there.
 */
export function growHeapSlowly(): void {
  setFlagsFromString("--heap-growing-percent=100");
}
