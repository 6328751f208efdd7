// Ended memberships leave their rows, and the log says that they have ended. They gave no right since their end.
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import { type Database, NOBODY } from "../../persistence/database.ts";
import { type EndedMembership, takeEndedMembers } from "../../persistence/identity/emergencies.ts";
import { emergencyEntries } from "./emergency-audit.ts";
import { memberEntry } from "./own-workspace.ts";

const BATCH = 200;

/** Any number of schedulers may at once. Returns how many there were. */
export async function tidyMemberships(database: Database): Promise<number> {
  for (let total = 0; ; ) {
    const taken = await database.transaction(NOBODY, async (tx) => {
      const ended = await takeEndedMembers(tx, BATCH);
      await appendAudit(tx, ended.flatMap(entriesOf));
      return ended.length;
    });
    total += taken;
    if (taken < BATCH) return total;
  }
}

function entriesOf({ isEmergency, role, expiredAt, ...member }: EndedMembership) {
  const details = { role, expiredAt };
  return isEmergency
    ? emergencyEntries(null, member, "emergency.expired", details)
    : [memberEntry(null, member, "member.expired", details)];
}
