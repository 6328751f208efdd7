// The bodies and answers of /auth.
import { z } from "zod";
import { isPasswordLength, MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS } from "#core/crypto/password-rule.ts";
import { normaliseEmail } from "#core/domain/email.ts";

const MAX_EMAIL_CHARS = 254;
const MAX_CODE_CHARS = 64;

// Taken exactly as typed: no trimming, no normal form, any character.
const newPassword = z
  .string()
  .refine(isPasswordLength, `A password has ${MIN_PASSWORD_CHARS} to ${MAX_PASSWORD_CHARS} characters`)
  .meta({ minLength: MIN_PASSWORD_CHARS, maxLength: MAX_PASSWORD_CHARS });

// Looser than a new one: a wrong password is a wrong password, whatever it looks like. In UTF-16 units.
export const knownPassword = z
  .string()
  .min(1)
  .max(2 * MAX_PASSWORD_CHARS);

export const code = z
  .string()
  .max(MAX_CODE_CHARS)
  .describe("Six digits of the authenticator, or a recovery code");

/** In lower case, as it is kept. */
export const emailAddress = z.string().max(MAX_EMAIL_CHARS).transform(normaliseEmail).pipe(z.email());

export const registerBody = z.strictObject({
  email: emailAddress,
  password: newPassword,
  name: z.string().max(200).optional(),
  invite: z.string().min(1).max(200).optional(),
});

export const loginBody = z.strictObject({
  email: z.string().min(1).max(MAX_EMAIL_CHARS),
  password: knownPassword,
  totp: code.optional(),
});

export const passwordBody = z.strictObject({
  currentPassword: knownPassword,
  newPassword,
  revokeApiKeys: z.boolean().default(false).describe("Your API keys end, too; without it they stay good"),
});
export const passwordChangedSchema = z.object({
  endedSessions: z.int(),
  revokedApiKeys: z.int(),
  liveApiKeys: z.int().describe("Keys that still open your account; see GET /auth/api-keys"),
});

// Whatever stands for the token and is none gets the one answer that all bad tokens get.
export const resetBody = z.strictObject({ token: z.string().max(200).catch(""), password: newPassword });

export const totpSetupBody = z.strictObject({ password: knownPassword });
export const totpEnableBody = z.strictObject({ totp: code.min(1) });
export const totpDisableBody = z.strictObject({ password: knownPassword, totp: code.min(1) });

export const totpSetupSchema = z.object({
  secret: z.string().describe("Base32, to type into an authenticator"),
  uri: z.string().describe("otpauth://, to show as a QR code"),
});
export const recoveryCodesSchema = z.object({
  recoveryCodes: z.array(z.string()).describe("Each opens the door once; shown this one time"),
});

export const sessionSchema = z.object({
  id: z.uuid(),
  client: z.string().describe("The address it was started from"),
  userAgent: z.string(),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().describe("When it was last refreshed"),
  current: z.boolean(),
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
  totpEnabled: z.boolean(),
  workspaces: z.array(
    z.object({
      id: z.uuid(),
      name: z.string(),
      role: z.string(),
      needsTotp: z.boolean().describe("Closed until a second factor is set up"),
    }),
  ),
});
