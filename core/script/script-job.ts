// What goes into the process that runs scripts and what comes back.

/** Which bound was hit; `details.limit` of a `script_limit`. */
export type ScriptLimit = "time" | "memory" | "depth" | "jobs" | "data";

export type RunScriptJob = {
  readonly kind: "run";
  readonly source: string;
  /** Whose work it is: engines are never shared between keys. */
  readonly key: string;
  /** JSON text of `{input, nodes, item?, index?, trigger, execution}`. */
  readonly data: string;
  /** Epoch milliseconds: the only time the script knows. */
  readonly startedAt: number;
  /** What Math.random follows from. */
  readonly seed: string;
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
};

/** Compiles each source and runs none. */
export type CheckScriptsJob = {
  readonly kind: "check";
  readonly sources: readonly string[];
  readonly timeoutMs: number;
};

export type ScriptJob = RunScriptJob | CheckScriptsJob;

/** `line` and `column` count from 1, `position` from 0. */
export type ScriptFault = {
  readonly message: string;
  readonly line: number;
  readonly column: number;
  readonly position: number;
};

/** `faults` has an entry per source, null for one that can be read (or comes after one that broke the engine). `spent`: the process should be replaced. */
export type ScriptReply =
  | { readonly kind: "value"; readonly json: string; readonly spent: boolean }
  | { readonly kind: "faults"; readonly faults: readonly (ScriptFault | null)[]; readonly spent: boolean }
  | {
      readonly kind: "error";
      readonly code: string;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
      readonly spent: boolean;
    };
