// How much each workspace had submitted to this process lately: who submits much is heard behind who submits little.
import { BUSY } from "../../domain/bands.ts";

export type WorkspaceLoad = {
  note(workspaceId: string, submissions: number): void;
  /**
   * 0–15: one more for each time it doubles, with those that are being `added`; BUSY more when it is more than a quarter
   * of all.
   */
  bandOf(workspaceId: string, added: number): number;
};

/** What was submitted so long ago counts half. */
const HALF_LIFE_MS = 10_000;
/** As many a few seconds apart are still nobody's overload. */
const LIGHT = 8;
const MAX_BAND = BUSY - 1;
const SHARE = 4;
const MAX_KNOWN = 10_000;

type Load = { load: number; at: number };

export function createWorkspaceLoad(now: () => number = performance.now.bind(performance)): WorkspaceLoad {
  const loads = new Map<string, Load>();
  let all: Load | undefined;
  const present = (known: Load | undefined) =>
    known ? known.load * 2 ** ((known.at - now()) / HALF_LIFE_MS) : 0;
  return {
    note(workspaceId, submissions) {
      const load = present(loads.get(workspaceId)) + submissions;
      // Re-inserted as the newest: whoever was silent longest is forgotten first.
      loads.delete(workspaceId);
      loads.set(workspaceId, { load, at: now() });
      all = { load: present(all) + submissions, at: now() };
      if (loads.size > MAX_KNOWN) loads.delete(loads.keys().next().value as string);
    },
    bandOf(workspaceId, added) {
      const load = present(loads.get(workspaceId)) + added;
      const band = Math.min(MAX_BAND, Math.floor(Math.log2(1 + load / LIGHT)));
      return band > 0 && load > (present(all) + added) / SHARE ? BUSY + band : band;
    },
  };
}
