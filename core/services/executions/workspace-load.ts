// How much each workspace had submitted to this process lately: who submits much is heard behind who submits little.

export type WorkspaceLoad = {
  note(workspaceId: string, submissions: number): void;
  /** 0–15: one more for each time it doubles. */
  bandOf(workspaceId: string): number;
};

/** What was submitted so long ago counts half. */
const HALF_LIFE_MS = 10_000;
/** As many a few seconds apart are still nobody's overload. */
const LIGHT = 8;
const MAX_BAND = 15;
const MAX_KNOWN = 10_000;

export function createWorkspaceLoad(now: () => number = performance.now.bind(performance)): WorkspaceLoad {
  const loads = new Map<string, { load: number; at: number }>();
  const loadOf = (workspaceId: string) => {
    const known = loads.get(workspaceId);
    return known ? known.load * 2 ** ((known.at - now()) / HALF_LIFE_MS) : 0;
  };
  return {
    note(workspaceId, submissions) {
      const load = loadOf(workspaceId) + submissions;
      // Re-inserted as the newest: whoever was silent longest is forgotten first.
      loads.delete(workspaceId);
      loads.set(workspaceId, { load, at: now() });
      if (loads.size > MAX_KNOWN) loads.delete(loads.keys().next().value as string);
    },
    bandOf: (workspaceId) => Math.min(MAX_BAND, Math.floor(Math.log2(1 + loadOf(workspaceId) / LIGHT))),
  };
}
