// The beginnings of erasures of people: from one workspace, or from the instance. The functions ask who is asking, and
// leave a pending erasure behind, which erasure-steps.ts takes to its end.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { refusingHeld } from "./refuse-held.ts";

/** `erasureId`: to go on with; null with every outcome but `erased` and `begun`. */
type Begun = {
  erasureId: string | null;
  /** Somebody had asked before and nothing was left to take away: what begins is in the log already. */
  joined: boolean;
};

export type ErasedMember = Begun & {
  outcome: "erased" | "not_found" | "mismatch" | "self" | "personal";
  /** How many things they owned belong to the one who asked now. */
  moved: number;
};

/** `id`: of the erasure, when there is none yet. Throws `legal_hold`. */
export async function eraseMember(
  tx: Executor,
  member: { id: string; workspaceId: string; userId: string; email: string },
): Promise<ErasedMember> {
  const row = await refusingHeld(
    tx.one<ErasedMember>(sql`
    select outcome, moved, erasure as "erasureId", joined
    from erase_member(${member.id}, ${member.workspaceId}, ${member.userId}, ${member.email})`),
  );
  return row ?? { outcome: "not_found", moved: 0, erasureId: null, joined: false };
}

export type BegunErasure = Begun & {
  outcome: "begun" | "forbidden" | "not_found" | "self" | "mismatch" | "last_owner" | "successor";
  /** Workspaces deleted with the person. Each needs `workspace.deleted` in its chain before the commit. */
  hidden: string[];
  /** Workspaces they left; with `last_owner` those that would have no owner. */
  shared: string[];
  /** Whose rights have changed. */
  memberIds: string[];
};

/** `id`: of the erasure, when there is none yet. From the commit on the person cannot sign in. Throws `legal_hold`. */
export async function beginErasure(
  tx: Executor,
  person: { id: string; userId: string; email: string; successorId: string | null },
): Promise<BegunErasure> {
  const row = await refusingHeld(
    tx.one<BegunErasure>(sql`
    select outcome, hidden, shared, "memberIds", erasure as "erasureId", joined
    from erase_begin_person(${person.id}, ${person.userId}, ${person.email}, ${person.successorId})`),
  );
  const nothing = { hidden: [], shared: [], memberIds: [], erasureId: null, joined: false };
  return row ?? { outcome: "forbidden", ...nothing };
}
