// Registers people over HTTP and calls the api on kept connections.
import { randomUUID } from "node:crypto";
import { Pool } from "undici";
import { createCostReader, type Pids } from "./count-costs.ts";
import type { PlatformUnderLoad, User } from "./platform-under-load.ts";
import type { Servers } from "./start-servers.ts";

export const CLIENTS = 32;
// Several workspaces, so that one audit chain's lock does not stand for all.
const USERS = 4;
/** A token lasts for 10 minutes, and so may a measurement. */
const RENEW_MS = 5 * 60_000;

type Grant = { accessToken: string };

export async function connectUsers(
  { url, pids }: { url: string; pids: Pids },
  servers: Servers,
  cleanup: AsyncDisposableStack,
): Promise<PlatformUnderLoad> {
  const pool = new Pool(url, { connections: CLIENTS, pipelining: 1 });
  cleanup.defer(() => pool.destroy());

  const request = async <Body>(
    method: "GET" | "POST",
    path: string,
    body: string | null,
    headers: Record<string, string>,
  ): Promise<Body> => {
    const response = await pool.request({ method, path, body, headers });
    const text = await response.body.text();
    if (response.statusCode < 300) return JSON.parse(text);
    throw new Error(`${method} ${path} answered ${response.statusCode}: ${text}`);
  };
  const json = { "content-type": "application/json" };
  const call: PlatformUnderLoad["call"] = (user, method, path, { body, headers } = {}) =>
    request(method, path, body ?? null, {
      authorization: `Bearer ${user.token}`,
      ...(body === undefined ? {} : json),
      ...headers,
    });
  const register = async (): Promise<User> => {
    const body = JSON.stringify({ email: `bench-${randomUUID()}@example.com`, password: randomUUID() });
    const grant = await request<Grant & { workspaceId: string }>("POST", "/auth/register", body, json);
    const user = { token: grant.accessToken, workspaceId: grant.workspaceId };
    const renew = async () => {
      user.token = (await request<Grant>("POST", "/auth/login", body, json)).accessToken;
    };
    // A failure shows: the calls that follow are refused.
    const timer = setInterval(() => renew().catch(() => {}), RENEW_MS);
    cleanup.defer(() => clearInterval(timer));
    return user;
  };
  const first = await register();
  const others = await Promise.all(Array.from({ length: USERS - 1 }, register));
  return {
    users: [first, ...others],
    call,
    async createWorkflow(user, graph) {
      const body = JSON.stringify({ name: "bench", graph });
      return (await call<{ id: string }>(user, "POST", "/api/workflows", { body })).id;
    },
    admin: servers.admin,
    durability: servers.durability,
    pids,
    readCosts: createCostReader({ client: process.pid, ...pids, ...servers.pids }, servers),
  };
}
