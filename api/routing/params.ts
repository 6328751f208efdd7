// Path parameters most routes share.
import { z } from "zod";

/** `/:id`; an id that is no UUID answers 404. */
export const idParams = z.strictObject({ id: z.uuid() });
