// Every node type there is. A new one: its folder, a line here, a line in runners.ts.
import type { NodeDefinition } from "#core/domain/node.ts";
import { codeJavascript } from "./code.javascript/definition.ts";
import { dataTransform } from "./data.transform/definition.ts";
import { flowApproval } from "./flow.approval/definition.ts";
import { flowCondition } from "./flow.condition/definition.ts";
import { flowFail } from "./flow.fail/definition.ts";
import { flowForEach } from "./flow.forEach/definition.ts";
import { flowMerge } from "./flow.merge/definition.ts";
import { flowRespond } from "./flow.respond/definition.ts";
import { flowSubworkflow } from "./flow.subworkflow/definition.ts";
import { flowSwitch } from "./flow.switch/definition.ts";
import { flowWait } from "./flow.wait/definition.ts";
import { httpRequest } from "./http.request/definition.ts";
import { sqlQuery } from "./sql.query/definition.ts";
import { triggerManual } from "./trigger.manual/definition.ts";
import { triggerSchedule } from "./trigger.schedule/definition.ts";
import { triggerWebhook } from "./trigger.webhook/definition.ts";

const all: readonly NodeDefinition[] = [
  triggerManual,
  triggerSchedule,
  triggerWebhook,
  dataTransform,
  flowCondition,
  flowSwitch,
  flowMerge,
  flowForEach,
  flowWait,
  flowApproval,
  flowSubworkflow,
  flowFail,
  flowRespond,
  httpRequest,
  sqlQuery,
  codeJavascript,
];

/** By type. */
export const nodeDefinitions: ReadonlyMap<string, NodeDefinition> = new Map(
  all.map((definition) => [definition.type, definition]),
);

export function findDefinition(type: string): NodeDefinition | undefined {
  return nodeDefinitions.get(type);
}
