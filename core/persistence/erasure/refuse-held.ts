// Says clearly why the database erases nothing that is under legal hold.
import { legalHold } from "../../domain/legal-hold.ts";

/** Translates the code that the trigger erase_respects_hold raises. */
export async function refusingHeld<Result>(statement: Promise<Result>): Promise<Result> {
  try {
    return await statement;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ZA004") throw legalHold(error);
    throw error;
  }
}
