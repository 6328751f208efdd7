// The demo's account: made at the first run, kept in DATA_DIR so that later runs use it again.
import { randomBytes } from "node:crypto";
import { Refused, sendForJson } from "./api-client.ts";
import { type Account, keepAccount, readAccount } from "./kept-account.ts";
import type { DemoOptions } from "./parse-arguments.ts";

type Grant = { accessToken: string; user: { email: string; isAdmin: boolean } };

/** Returns a function that gives a new access token at each call; the first may register. It throws Refused or Unreachable. */
export function createSignIn(options: DemoOptions, say: (line: string) => void): () => Promise<string> {
  const { url, dataDir } = options;
  const kept = options.account ?? readAccount(dataDir);
  let account = kept ?? newAccount();
  let isRegistered = kept !== null;
  let isTold = false;

  const ask = async (path: string, how: string) => {
    const { accessToken, user } = await sendForJson<Grant>(url, { method: "POST", path, body: account });
    const rank = user.isAdmin ? ", administrator of this instance" : "";
    if (!isTold) say(`Signed in as ${user.email}${rank} (${how})`);
    isTold = true;
    return accessToken;
  };
  const login = () => ask("/auth/login", options.account ? "ATELIER_EMAIL" : "the demo's account");
  const register = async () => {
    // Kept first: the first account of an instance is its administrator, and its password must not be lost.
    const file = keepAccount(dataDir, account);
    const how = `a new account${file === null ? "" : `, its password is in ${file}`}`;
    const token = await ask("/auth/register", how).catch((error: unknown) => {
      // The answer to an earlier try was lost on its way.
      if (error instanceof Refused && error.code === "email_taken") return login();
      throw error;
    });
    isRegistered = true;
    return token;
  };

  return async () => {
    if (!isRegistered) return register();
    try {
      return await login();
    } catch (error) {
      const isWrong = error instanceof Refused && error.status === 401;
      if (!isWrong || options.account || isTold) throw error;
      // The kept account is that of another database.
      account = newAccount();
      isRegistered = false;
      return register();
    }
  };
}

function newAccount(): Account {
  const random = randomBytes(6).toString("hex");
  return { email: `demo-${random}@example.com`, password: randomBytes(15).toString("base64url") };
}
