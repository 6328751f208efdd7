// How `npm start` starts each role.
import path from "node:path";
import { ROLE_FLAGS } from "../../core/role-memory.ts";
import type { RoleCommand } from "./role-process.ts";

/** In the order in which they are started. */
export function roleCommands(root: string): RoleCommand[] {
  return ["api", "worker", "scheduler"].map((name) => ({
    name,
    command: process.execPath,
    args: [...ROLE_FLAGS, path.join(root, name, "main.ts")],
  }));
}
