// Its output is the answer: who waits for it reads it from the journal.
import type { NodeRunner } from "#core/domain/node.ts";

type RespondConfig = {
  status?: number | undefined;
  headers?: Record<string, unknown> | undefined;
  body?: unknown;
};

export const runRespond: NodeRunner<RespondConfig> = ({ status = 200, headers = {}, body = null }) => ({
  kind: "output",
  output: { status, headers, body },
});
