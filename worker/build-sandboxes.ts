// The processes in which this worker runs what people wrote: expressions and scripts.
import { createEvaluator, type Evaluator } from "#core/expression/evaluator.ts";
import { createScriptRunner, type ScriptRunner } from "#core/script/script-runner.ts";

export type Sandboxes = { evaluator: Evaluator; scripts: ScriptRunner; close(): Promise<unknown> };

/** Starts nothing yet: a process starts when something first needs it. */
export function buildSandboxes(): Sandboxes {
  const evaluator = createEvaluator({});
  const scripts = createScriptRunner();
  return { evaluator, scripts, close: () => Promise.all([evaluator.close(), scripts.close()]) };
}
