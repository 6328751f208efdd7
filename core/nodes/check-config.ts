// The last check of a config before its node runs: what the expressions came to must fit the schema too.
import { AppError } from "#core/domain/app-error.ts";
import type { NodeDefinition } from "#core/domain/node.ts";

/** With defaults filled in. Throws AppError `invalid_config` naming every value that does not fit. */
export function checkConfig<Config>(definition: NodeDefinition<Config>, config: unknown): Config {
  const checked = definition.config.safeParse(config ?? {});
  if (checked.success) return checked.data;
  const problems = checked.error.issues.map((issue) => ({
    path: issue.path.map(String).join("."),
    message: issue.message,
  }));
  const summary = problems.map(({ path, message }) => `${path || "config"}: ${message}`).join("; ");
  throw new AppError("invalid_config", `The config does not fit ${definition.type}: ${summary}`, {
    problems,
  });
}
