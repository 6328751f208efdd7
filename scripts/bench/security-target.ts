// The api under the security measurements: requests from as many clients as are wanted, limits wiped between samples.
import { randomUUID } from "node:crypto";
import { Pool } from "undici";
import type { RunningRoles } from "./start-roles.ts";
import type { Servers } from "./start-servers.ts";

export const PASSWORD = "correct horse battery";
// The bench stands where a proxy stands, so it may say whom it speaks for.
export const PROXY_ENVIRONMENT = { TRUSTED_PROXIES: "127.0.0.1" };

export type SecurityTarget = {
  apiPid: number;
  /** Milliseconds from the request to the whole answer, and its status. */
  post(path: string, body: object): Promise<{ ms: number; status: number; text: string }>;
  /** GET /auth/me as somebody: milliseconds. */
  me(token: string): Promise<number>;
  register(email: string): Promise<{ token: string }>;
  /** Forgets all attempts, so that limits are not what is measured. */
  forgetAttempts(): Promise<void>;
};

export function openTarget(
  { url, pids }: RunningRoles,
  servers: Servers,
  cleanup: AsyncDisposableStack,
): SecurityTarget {
  const pool = new Pool(url, { connections: 256, pipelining: 1 });
  cleanup.defer(() => pool.destroy());
  let client = 0;
  const post: SecurityTarget["post"] = async (path, body) => {
    client += 1;
    const address = `10.${(client >> 16) & 255}.${(client >> 8) & 255}.${client & 255}`;
    const headers = { "content-type": "application/json", "x-forwarded-for": address };
    const sentAt = performance.now();
    const reply = await pool.request({ method: "POST", path, headers, body: JSON.stringify(body) });
    const text = await reply.body.text();
    return { ms: performance.now() - sentAt, status: reply.statusCode, text };
  };
  return {
    apiPid: pids.api,
    post,
    async me(token) {
      const sentAt = performance.now();
      const headers = { authorization: `Bearer ${token}` };
      const reply = await pool.request({ method: "GET", path: "/auth/me", headers });
      await reply.body.dump();
      if (reply.statusCode !== 200) throw new Error(`GET /auth/me answered ${reply.statusCode}`);
      return performance.now() - sentAt;
    },
    async register(email) {
      const { status, text } = await post("/auth/register", { email, password: PASSWORD });
      if (status !== 201) throw new Error(`registration answered ${status}: ${text}`);
      return { token: (JSON.parse(text) as { accessToken: string }).accessToken };
    },
    async forgetAttempts() {
      await servers.admin.query("delete from rate_limits");
    },
  };
}

export const newEmail = () => `bench-${randomUUID()}@example.com`;
