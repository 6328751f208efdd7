// One way on out of many, by a value.
import { z } from "zod";
import { defineNode } from "#core/domain/node.ts";

const casesSchema = z.array(
  z.union(
    [
      z.string().min(1),
      z.number(),
      z.boolean(),
      z.strictObject({ port: z.string().min(1).max(100), equals: z.unknown() }),
      z.strictObject({ port: z.string().min(1).max(100), when: z.unknown() }),
    ],
    { error: 'a case is a text, number or boolean, {"port", "equals"} or {"port", "when"}' },
  ),
);

const configSchema = z.strictObject({
  value: z.unknown().optional().describe("What the cases are compared with"),
  cases: casesSchema
    .min(1)
    .max(100)
    .describe(
      'In order; the first that fits wins. "a" fits the text a and is also the name of its port; ' +
        "{port, equals} compares any JSON value; {port, when} fits when its value counts as true",
    ),
});

export type SwitchConfig = z.infer<typeof configSchema>;
export type SwitchCase = SwitchConfig["cases"][number];

export const SWITCH_DEFAULT_PORT = "default";

export const flowSwitch = defineNode({
  type: "flow.switch",
  title: "Switch",
  category: "flow",
  description: "Goes on by the port of the first case that fits, else by port default.",
  config: configSchema,
  inputs: ["in"],
  outputs: switchPorts,
  effect: "pure",
});

/** A port per case, in order, then `default`. Names as drawn: judging them is validation's business. Never throws. */
function switchPorts(config: Readonly<Record<string, unknown>>): string[] {
  const { cases } = config;
  const names = (Array.isArray(cases) ? cases : [cases]).flatMap((drawn) => portName(drawn) ?? []);
  return [...names, SWITCH_DEFAULT_PORT];
}

function portName(drawn: unknown): string | undefined {
  if (typeof drawn === "object" && drawn !== null) {
    return "port" in drawn && typeof drawn.port === "string" ? drawn.port : undefined;
  }
  return drawn === undefined || drawn === null ? undefined : String(drawn);
}
