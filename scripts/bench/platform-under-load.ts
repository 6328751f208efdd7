// What every measurement has in its hands: people with workflows, and the database's own view of what became of them.
import type pg from "pg";
import type { CostReader, Pids } from "./count-costs.ts";

export type User = { token: string; workspaceId: string };

export type PlatformUnderLoad = {
  users: readonly [User, ...User[]];
  /** POST or GET as JSON on kept connections. Throws when the answer is no success. */
  call<Body>(user: User, method: "GET" | "POST", path: string, options?: CallOptions): Promise<Body>;
  createWorkflow(user: User, graph: object): Promise<string>;
  admin: pg.Client;
  durability: Record<string, string>;
  readCosts: CostReader;
  /** Of api, worker and scheduler. */
  pids: Pids;
};

export type CallOptions = { body?: string; headers?: Readonly<Record<string, string>> };
