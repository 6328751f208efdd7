// A decision on an effect in doubt that came while other branches ran: the next claim carries it out (`endDecided`).
import { sql } from "../sql.ts";

/** Of a row `s` of execution_steps. */
export const isDecided = sql`(s.status = 'unknown' and coalesce(s.state, '{}') ? 'decision')`;
