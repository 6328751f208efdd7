// What a node type is: its definition (known to api and worker) and its runner (known to the worker only).
import type { z } from "zod";
import type { ApprovalRequest } from "./approval.ts";
import type { PlainCredential } from "./credential-types.ts";

/**
 * What a crash in the middle of the node means.
 * pure: computed again; idempotent: sent again under the same key; effectful: parked for a decision.
 */
export type EffectClass = "pure" | "idempotent" | "effectful";

export type NodeDefinition<Config = unknown> = {
  type: string;
  title: string;
  category: "trigger" | "data" | "flow" | "network" | "code" | "ai" | "legal" | "medical" | "commerce";
  description: string;
  /** The config after its expressions are evaluated; values that are expressions are not checked at save. */
  config: z.ZodType<Config>;
  /** Names of incoming ports: `[]` for triggers, else `["in"]`. */
  inputs: readonly string[];
  /** Names of outgoing ports; may depend on the config as drawn (flow.switch). */
  outputs: readonly string[] | ((config: Readonly<Record<string, unknown>>) => readonly string[]);
  effect: EffectClass | ((config: Readonly<Record<string, unknown>>) => EffectClass);
  /** Slot name → credential types it takes. */
  credentials?: Readonly<Record<string, readonly string[]>>;
  /** Where the node will send its credentials, from the config as drawn: a URL, expressions in it as they are. */
  address?: (config: Readonly<Record<string, unknown>>) => string | undefined;
  /** Milliseconds a run may take unless the node's `timeoutMs` says otherwise. */
  timeoutMs?: number;
  /**
   * Keys of the config whose text is taken as it is written, with its language: `{{` in them is no expression, neither
   * at save nor at run.
   */
  literal?: LiteralFields;
};

export type LiteralFields = Readonly<Record<string, "javascript" | "sql" | "text">>;

/** Identity function that keeps a definition's config type for its runner. */
export function defineNode<Config>(definition: NodeDefinition<Config>): NodeDefinition<Config> {
  return definition;
}

export type HttpPort = {
  /**
   * A failure says by `inDoubt` whether anything of the request may have left. After an abort: the signal's reason where
   * something may have, a copy of it that says otherwise where nothing has.
   */
  request(request: {
    method: string;
    url: string;
    headers?: Record<string, string>;
    body?: string | Uint8Array;
    signal?: AbortSignal;
    timeoutMs?: number;
    maxResponseBytes?: number;
    sensitiveHeaders?: string[];
  }): Promise<{
    status: number;
    headers: Record<string, string | string[]>;
    body: Uint8Array;
    url: string;
  }>;
};

/** What expressions and scripts of a node can see: plain JSON data. `startedAt` is an ISO 8601 UTC time. */
export type VisibleData = {
  input: unknown;
  nodes: Readonly<Record<string, unknown>>;
  trigger: unknown;
  item?: unknown;
  index?: number;
  execution: { id: string; startedAt: string; workflowId?: string };
};

export type ScriptPort = {
  /**
   * Runs `source` as the body of an async function over `data` and gives its result as JSON. Time is
   * `data.execution.startedAt`, chance follows from the execution's id and `seed`. `key` says whose work it is.
   * Rejects with `script_failed` (details name, line, column, console), `script_syntax`, `script_limit` (details limit),
   * `script_stuck`, `output_too_large`, `invalid_output`, the reason of the signal, or, retryable, `script_busy`,
   * `script_interrupted`, `script_unavailable`.
   */
  run(request: {
    source: string;
    data: VisibleData;
    seed: string;
    timeoutMs: number;
    key: string;
    signal: AbortSignal;
  }): Promise<unknown>;
};

export type SqlRequest = {
  /** Of the database, with user, password and sslmode: a secret. */
  url: string;
  /** One statement; `params` are the values of $1, $2, … and never become part of its text. */
  query: string;
  params: readonly unknown[];
  /** read: in a read-only transaction that is rolled back. write: committed when everything about it went well. */
  mode: "read" | "write";
  maxRows: number;
  /** From the look-up of the host to the last row. */
  timeoutMs: number;
  signal: AbortSignal;
};

export type SqlPort = {
  /**
   * Runs one statement of an author's in a transaction of its own on another database. Rejects with `sql_bad_url`,
   * `sql_plaintext_refused`, `sql_auth_failed`, `sql_error` (details sqlstate and what else the server says),
   * `sql_read_only`, `too_many_rows`, `output_too_large`, `invalid_output`, `sql_duplicate_column`, `sql_bad_answer`,
   * `timeout`, those of egress or the reason of the signal, all of them said not to be in doubt, or `effect_in_doubt`
   * for a commit without an answer. An abort never breaks off a commit that has begun.
   */
  run(request: SqlRequest): Promise<{ rows: Record<string, unknown>[]; rowCount: number }>;
};

/** What the platform hands to a node besides its config. Families add ports here, wired in worker/main.ts. */
export type NodePorts = { http: HttpPort; scripts: ScriptPort; sql: SqlPort };

/** A node's own credentials, by slot. Each call reads, checks and records anew: ask for it right before it is sent. */
export type NodeCredentials = {
  /**
   * null when the slot is empty. `url` is where it will go; only a credential that names its host itself may be asked
   * for without. Throws `credential_not_found`, `credential_refused`, `credential_unresolved`, `decryption_failed`.
   */
  use(slot: string, url?: string): Promise<PlainCredential | null>;
};

export type NodeContext = {
  executionId: string;
  workspaceId: string;
  nodeId: string;
  /** "" outside loops, "3" in the fourth item, "3/0" nested. */
  iteration: string;
  /** 1-based. */
  attempt: number;
  /** Stable over automatic attempts and crashes; send it with every effect. */
  idempotencyKey: string;
  /** The execution's input. */
  input: unknown;
  /** What started the execution: `{type, …}`. */
  trigger: unknown;
  /** Outputs of the nodes whose edges into this node were taken, in edge order. */
  incoming: ReadonlyArray<{ nodeId: string; output: unknown }>;
  /** What an expression of this node could see, of the other nodes those that `ids` names or else all. */
  visible(ids?: readonly string[]): VisibleData;
  /** Aborted on cancel, timeout and lost lease. */
  signal: AbortSignal;
  /** Set when the node had suspended and runs again because its time has come or somebody has answered. */
  resumed: Resumed | null;
  ports: NodePorts;
  credentials: NodeCredentials;
};

/** How a suspended node finds its wait when it runs again: the same config, the same attempt. */
export type Resumed = {
  /** ISO time on the database clock at which the attempt began: where its wait is counted from. */
  startedAt: string;
  /** ISO time the outcome asked for; null when it named none. */
  until: string | null;
  /** Whether `until` has come. */
  isDue: boolean;
  waitsFor: Readonly<Record<string, unknown>> | null;
  /** What the one who woke it wrote (`answerStep`); undefined when nobody did. */
  answer: unknown;
};

/**
 * What a node came to. The other kinds than `output` are carried out by the engine.
 * each: one pass through the loop's body per item.
 * child: another workflow runs as an execution of its own, made with this step; its output is the node's output.
 * approval: people are asked, in the commit that suspends its step; the runner is called again with an ApprovalAnswer.
 * suspend: its step waits in the journal, without a worker, until the time has come or somebody answers; then the
 * runner is called again with `resumed`. `until` is an ISO time, or milliseconds from the beginning of the attempt.
 * `waitsFor` says for whom; it is kept in the step's `state` and written in the same commit.
 */
export type NodeOutcome =
  | { kind: "output"; output: unknown; port?: string }
  | { kind: "each"; items: readonly unknown[]; concurrency: number }
  | { kind: "child"; workflowId: string; version?: number; input: unknown }
  | ({ kind: "approval" } & ApprovalRequest)
  | { kind: "suspend"; until?: string | number; waitsFor?: Readonly<Record<string, unknown>> };

/**
 * The runner of an `effectful` node says with what it throws whether its effect is in doubt (`AppError.inDoubt`): then, and
 * where it says nothing of a failure that may be tried again, the step is parked. Aborted, it has 2 s to come to an end
 * that is known.
 */
export type NodeRunner<Config = unknown> = (
  config: Config,
  context: NodeContext,
) => NodeOutcome | Promise<NodeOutcome>;
