// The worker's ways out: HTTP and databases, behind the same guard.
import type { Config } from "#core/config.ts";
import type { SqlPort } from "#core/domain/node.ts";
import { createEgress, type Egress } from "#core/egress/http-client.ts";
import { createSqlClient } from "#core/egress/postgres/sql-client.ts";

export function buildNetwork(config: Config): { http: Egress; sql: SqlPort } {
  const { allowPrivateEgress: allowPrivate, allowPlaintext } = config;
  return { http: createEgress({ allowPrivate }), sql: createSqlClient({ allowPrivate, allowPlaintext }) };
}
