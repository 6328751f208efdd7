// What may be a file's name: one path segment of visible text.
import { z } from "zod";

// Separators of any system, control characters (C0, DEL, C1), bidirectional overrides that fake an
// extension, and line separators; none belongs into a header or a download folder.
const REFUSED = /[/\\\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/u;

export const fileNameSchema = z
  .string()
  .max(250)
  // Before the trimming, which would quietly drop a line break at an end.
  .refine((name) => name.isWellFormed() && !REFUSED.test(name), {
    message: "a file name has no path separators and no control characters",
  })
  .trim()
  .min(1)
  .max(200)
  .refine((name) => !/^\.+$/.test(name), { message: "a file name is more than dots" });
