// What runs each node type; for the worker only.
import type { NodeDefinition, NodeRunner } from "#core/domain/node.ts";
import { createConfigCheck } from "./check-config.ts";
import { codeJavascript } from "./code.javascript/definition.ts";
import { runJavascript } from "./code.javascript/run.ts";
import { dataTransform } from "./data.transform/definition.ts";
import { runTransform } from "./data.transform/run.ts";
import { flowApproval } from "./flow.approval/definition.ts";
import { runApproval } from "./flow.approval/run.ts";
import { flowCondition } from "./flow.condition/definition.ts";
import { runCondition } from "./flow.condition/run.ts";
import { flowFail } from "./flow.fail/definition.ts";
import { runFail } from "./flow.fail/run.ts";
import { flowForEach } from "./flow.forEach/definition.ts";
import { runForEach } from "./flow.forEach/run.ts";
import { flowMerge } from "./flow.merge/definition.ts";
import { runMerge } from "./flow.merge/run.ts";
import { flowRespond } from "./flow.respond/definition.ts";
import { runRespond } from "./flow.respond/run.ts";
import { flowSubworkflow } from "./flow.subworkflow/definition.ts";
import { runSubworkflow } from "./flow.subworkflow/run.ts";
import { flowSwitch } from "./flow.switch/definition.ts";
import { restoreCases, runSwitch } from "./flow.switch/run.ts";
import { flowWait } from "./flow.wait/definition.ts";
import { runWait } from "./flow.wait/run.ts";
import { httpRequest } from "./http.request/definition.ts";
import { runHttpRequest } from "./http.request/run.ts";
import { sqlQuery } from "./sql.query/definition.ts";
import { runSqlQuery } from "./sql.query/run.ts";
import { triggerManual } from "./trigger.manual/definition.ts";
import { runTriggerManual } from "./trigger.manual/run.ts";
import { triggerSchedule } from "./trigger.schedule/definition.ts";
import { runTriggerSchedule } from "./trigger.schedule/run.ts";
import { triggerWebhook } from "./trigger.webhook/definition.ts";
import { runTriggerWebhook } from "./trigger.webhook/run.ts";

/**
 * By type. A runner takes the evaluated config as it is, checks it against its schema (AppError `invalid_config` with
 * all problems) and fills in defaults.
 */
export const nodeRunners: ReadonlyMap<string, NodeRunner> = new Map([
  bind(triggerManual, runTriggerManual),
  bind(triggerSchedule, runTriggerSchedule),
  bind(triggerWebhook, runTriggerWebhook),
  bind(dataTransform, runTransform),
  bind(flowCondition, runCondition),
  bind(flowSwitch, runSwitch, restoreCases),
  bind(flowMerge, runMerge),
  bind(flowForEach, runForEach),
  bind(flowWait, runWait),
  bind(flowApproval, runApproval),
  bind(flowSubworkflow, runSubworkflow),
  bind(flowFail, runFail),
  bind(flowRespond, runRespond),
  bind(httpRequest, runHttpRequest),
  bind(sqlQuery, runSqlQuery),
  bind(codeJavascript, runJavascript),
]);

/** Ties a runner to the schema its config type comes from. `restore` undoes what evaluation left out. */
function bind<Config>(
  definition: NodeDefinition<Config>,
  runner: NodeRunner<Config>,
  restore: (config: unknown) => unknown = (config) => config,
): readonly [string, NodeRunner] {
  const check = createConfigCheck(definition);
  return [definition.type, (config, context) => runner(check(restore(config)), context)];
}
