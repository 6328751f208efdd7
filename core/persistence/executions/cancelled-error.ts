// What a cancelled execution has in its error column.
import { sql } from "../sql.ts";

export const CANCELLED_ERROR = sql`jsonb_build_object('code', 'cancelled', 'message', 'Cancelled on request')`;
