// How far behind those of others the bells of a workspace are heard: a number its executions carry in their rows.

/**
 * Bands from here on are of workspaces that make up much of all that is submitted. Their bells hang apart, so that a
 * worker that has enough of them still hears the others.
 */
export const BUSY = 16;
/** They are numbered from 0 to one less than this. */
export const BANDS = 2 * BUSY;

export function isBusy({ band }: { band: number }): boolean {
  return band >= BUSY;
}
