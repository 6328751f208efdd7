// What everything that would start on a half restored database says.
import { AppError } from "./app-error.ts";

export function halfRestored(): AppError {
  return new AppError(
    "half_restored",
    "This database is half restored: npm run restore was broken off in the middle. Run it again (it begins anew); " +
      "nothing else may use this database before",
  );
}
