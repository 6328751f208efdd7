// Hands the statement and its values, apart from each other, to the database its credential names.
import { AppError } from "#core/domain/app-error.ts";
import { beforeEffect } from "#core/domain/effect-doubt.ts";
import type { NodeRunner } from "#core/domain/node.ts";
import type { SqlQueryConfig } from "./definition.ts";

/** Throws AppError `credential_required`, and what `SqlPort.run` and the credential reject with. */
export const runSqlQuery: NodeRunner<SqlQueryConfig> = async (config, context) => {
  // It names its host itself; whether it may go there is judged where it is opened.
  const credential = await beforeEffect(context.credentials.use("postgres"));
  if (!credential) {
    throw new AppError("credential_required", "Put a credential of type postgres into the slot postgres");
  }
  const { rows, rowCount } = await context.ports.sql.run({
    url: credential.fields.url ?? "",
    query: config.query,
    params: config.params,
    mode: config.mode,
    maxRows: config.maxRows,
    timeoutMs: config.timeoutMs,
    signal: context.signal,
  });
  return { kind: "output", output: { rows, rowCount } };
};
