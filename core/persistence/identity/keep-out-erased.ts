// Says clearly why the database lets nobody give rights back to a person who is being erased.
import { AppError } from "../../domain/app-error.ts";

/** Translates the code that the trigger erase_keeps_out raises. */
export async function keepingOutErased<Result>(statement: Promise<Result>): Promise<Result> {
  try {
    return await statement;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ZA003") {
      throw new AppError("being_erased", "This person is being erased; that cannot be taken back", {
        cause: error,
      });
    }
    throw error;
  }
}
