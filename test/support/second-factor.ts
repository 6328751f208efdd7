// An authenticator in a test: its codes, and the way to a person who has one.
import { Secret, TOTP } from "otpauth";
import { PASSWORD, type Person, type Request } from "./client.ts";

/** The code of now, or of so many 30-second steps from now. */
export function codeOf(secret: string, steps = 0): string {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * 30_000 });
}

/** `usedCode` is the one that enabled it, of the step before this one: so two more codes are good at once. */
export type Authenticator = { secret: string; usedCode: string; recoveryCodes: string[] };

export async function enableSecondFactor(
  request: Request,
  { token }: Pick<Person, "token">,
): Promise<Authenticator> {
  const setup = await request<{ secret: string }>("POST", "/auth/mfa/setup", {
    token,
    body: { password: PASSWORD },
  });
  if (setup.status !== 200) throw new Error(`setup answered ${setup.status}: ${setup.text}`);
  const { secret } = setup.body;
  // Where one step ends between the code and its check, the next code is in time.
  for (let tries = 2; ; tries -= 1) {
    const usedCode = codeOf(secret, -1);
    const enabled = await request<{ recoveryCodes: string[] }>("POST", "/auth/mfa/enable", {
      token,
      body: { totp: usedCode },
    });
    if (enabled.status === 200) return { secret, usedCode, recoveryCodes: enabled.body.recoveryCodes };
    if (tries === 0) throw new Error(`enable answered ${enabled.status}: ${enabled.text}`);
  }
}
