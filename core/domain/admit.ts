// Who of a line may run now, when a workflow or a workspace runs only so many at once. Pure; the counts come from a lock.

/** One who waits, in the order of the line. Limits are null where there is none. */
export type InLine = {
  id: string;
  workspaceId: string;
  workflowId: string;
  workflowLimit: number | null;
  workspaceLimit: number | null;
  /** How many run before anybody of this line is admitted. */
  workflowRunning: number;
  workspaceRunning: number;
};

export type Admission = {
  /** To be claimed now, as many as there are hands to run them. */
  admitted: string[];
  /** There is room for them too, but no hand: they are to be rung for. */
  called: string[];
  /** Those for whom there is no room, and the workflow or workspace that is full. */
  held: { id: string; heldBy: string }[];
};

/** `hands`: how many can be run by who asks. Nobody is passed over for one further back who needs the same room. */
export function admit(line: readonly InLine[], hands: number): Admission {
  const admission: Admission = { admitted: [], called: [], held: [] };
  const taken = new Map<string, number>();
  const isFull = (scope: string, running: number, limit: number | null) =>
    limit !== null && running + (taken.get(scope) ?? 0) >= limit;
  const take = (scope: string) => taken.set(scope, (taken.get(scope) ?? 0) + 1);
  for (const one of line) {
    if (isFull(one.workspaceId, one.workspaceRunning, one.workspaceLimit)) {
      admission.held.push({ id: one.id, heldBy: one.workspaceId });
    } else if (isFull(one.workflowId, one.workflowRunning, one.workflowLimit)) {
      admission.held.push({ id: one.id, heldBy: one.workflowId });
    } else {
      take(one.workspaceId);
      take(one.workflowId);
      (admission.admitted.length < hands ? admission.admitted : admission.called).push(one.id);
    }
  }
  return admission;
}
