// Hands the script over with the data it may need.
import type { NodeRunner, VisibleData } from "#core/domain/node.ts";
import type { JavascriptConfig } from "./definition.ts";
import { mentionedNodes } from "./mentioned-nodes.ts";

/** Rejects as ScriptPort.run does. */
export const runJavascript: NodeRunner<JavascriptConfig> = async ({ source, timeoutMs }, context) => {
  const output = await context.ports.scripts.run({
    source,
    data: neededData(source, context.visible(mentionedNodes(source))),
    seed: `${context.nodeId}/${context.iteration}`,
    timeoutMs,
    key: context.workspaceId,
    signal: context.signal,
  });
  return { kind: "output", output };
};

/** An input of a megabyte that the script never names costs 20 ms to send. */
function neededData(source: string, data: VisibleData): VisibleData {
  if (mentionedNodes(source) === undefined) return data;
  return {
    ...data,
    ...(source.includes("input") ? {} : { input: null }),
    ...(source.includes("trigger") ? {} : { trigger: null }),
  };
}
