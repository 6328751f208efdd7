// The bodies and answers of /auth.
import { z } from "zod";
import { normaliseEmail } from "#core/domain/email.ts";

const MAX_EMAIL_CHARS = 254;
const MIN_PASSWORD_CHARS = 8;
const MAX_PASSWORD_CHARS = 1_024;

export const registerBody = z.strictObject({
  email: z.string().max(MAX_EMAIL_CHARS).transform(normaliseEmail).pipe(z.email()),
  // Taken exactly as typed: no trimming, no normal form, any character.
  password: z.string().min(MIN_PASSWORD_CHARS).max(MAX_PASSWORD_CHARS),
  name: z.string().max(200).optional(),
  invite: z.string().min(1).max(200).optional(),
});

// Looser than registration: a wrong pair is a wrong pair, whatever it looks like.
export const loginBody = z.strictObject({
  email: z.string().min(1).max(MAX_EMAIL_CHARS),
  password: z.string().min(1).max(MAX_PASSWORD_CHARS),
  totp: z.string().max(20).optional(),
});

export const userSchema = z.object({
  id: z.uuid(),
  email: z.string(),
  name: z.string(),
  isAdmin: z.boolean(),
});

export const tokenSchema = z.object({
  accessToken: z.string(),
  tokenType: z.literal("Bearer"),
  expiresIn: z.int().describe("Seconds"),
});

export const grantSchema = z.object({ user: userSchema, workspaceId: z.uuid(), ...tokenSchema.shape });

export const meSchema = z.object({
  user: userSchema,
  workspaces: z.array(z.object({ id: z.uuid(), name: z.string(), role: z.string() })),
});
