// The shape of what the matrix must know about a route: how to make a call, and nothing about who may.
import type { Target } from "./targets.ts";

/**
 * Whose the object of a call is: a thing in a workspace (or the workspace), a thing of a person (a session, a key),
 * or a thing of the whole instance, which its administrators may reach whoever it belongs to.
 */
export type ObjectKind = "workspace" | "person" | "instance";

export type Call = {
  /** The values of the path's parameters in their order. */
  params?: readonly (string | number)[];
  query?: Readonly<Record<string, string>>;
  /** JSON; a Buffer goes out as it is. */
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
};

export type Plan = {
  /** Null: the call names no object. */
  object: ObjectKind | null;
  /** The object may also be left out, as a filter or a default: one more column. */
  optional?: true;
  /** Makes what the call needs; `target` is what it is about, absent when no object is named. */
  call(target: Target | null): Promise<Call> | Call;
  /** What it answers where it is allowed but this deliberately minimal call is not enough; default any 2xx. */
  answers?: number;
};
