// The last check of a config before its node runs: what the expressions came to must fit the schema too.
import { z } from "zod";
import { AppError } from "#core/domain/app-error.ts";
import type { NodeDefinition } from "#core/domain/node.ts";
import { describeIssue } from "#core/domain/schema-problems.ts";

/**
 * A function that gives the config with defaults filled in, or throws AppError `invalid_config` naming every value that
 * does not fit. Evaluation leaves out a key whose expression has no value; such a key is undefined here, not missing.
 */
export function createConfigCheck<Config>(definition: NodeDefinition<Config>): (config: unknown) => Config {
  const schema: z.ZodType<Config> = definition.config;
  const keys = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const empty = Object.fromEntries(keys.map((key) => [key, undefined]));
  return (config) => {
    const candidate = typeof config === "object" ? { ...empty, ...config } : config;
    const checked = schema.safeParse(candidate ?? empty);
    if (checked.success) return checked.data;
    const problems = checked.error.issues.flatMap((issue) =>
      describeIssue(issue, candidate).map(({ path, message }) => ({ path: path.join("."), message })),
    );
    const summary = problems.map(({ message }) => message).join("; ");
    throw new AppError("invalid_config", `The config does not fit ${definition.type}: ${summary}`, {
      problems,
    });
  };
}
