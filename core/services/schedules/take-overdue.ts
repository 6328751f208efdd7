// How many schedules are overdue, for whoever watches the platform.
import type { Executor } from "../../persistence/database.ts";
import { countOverdue, type OverdueSchedules } from "../../persistence/schedules/find-due.ts";

export type { OverdueSchedules };

export function takeOverdue(database: Executor): Promise<OverdueSchedules> {
  return countOverdue(database);
}
