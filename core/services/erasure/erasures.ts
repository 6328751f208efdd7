// What leaves for good: workspaces, and people from a workspace or from the instance.
import type { Actor } from "../../domain/roles.ts";
import type { Database } from "../../persistence/database.ts";
import { deleteWorkspace } from "./delete-workspace.ts";
import {
  type ErasureReport,
  eraseFromInstance,
  eraseFromWorkspace,
  type MemberErasure,
  type PersonErasure,
  type PersonErasureReport,
} from "./erase-people.ts";

export type ErasureService = ReturnType<typeof createErasureService>;

/** Each throws `legal_hold` where one stands; what had begun before it was set goes on. */
export function createErasureService({ database }: { database: Database }) {
  return {
    deleteWorkspace: (actor: Actor, request: { workspaceId: string; name: string }): Promise<void> =>
      deleteWorkspace(database, actor, request),
    eraseFromWorkspace: (actor: Actor, erasure: MemberErasure): Promise<ErasureReport> =>
      eraseFromWorkspace(database, actor, erasure),
    eraseFromInstance: (actor: Actor, erasure: PersonErasure): Promise<PersonErasureReport> =>
      eraseFromInstance(database, actor, erasure),
  };
}
