// A shared workspace with a person in every role, all of whom came by invitation.
import { randomUUID } from "node:crypto";
import type { WorkspaceRole } from "../../core/domain/roles.ts";
import { cookieOf, PASSWORD, type Person, type Request } from "./client.ts";

export type Team = Record<WorkspaceRole | "stranger", Person> & { workspaceId: string };

type Api = { request: Request; register(email?: string): Promise<Person> };
type Grant = { user: { id: string }; workspaceId: string; accessToken: string };

export async function createTeam(api: Api): Promise<Team> {
  const owner = await api.register();
  const workspaceId = await createWorkspace(api, owner);
  const join = (role: WorkspaceRole) => joinAs(api, owner, workspaceId, role);
  return {
    workspaceId,
    owner,
    editor: await join("editor"),
    operator: await join("operator"),
    viewer: await join("viewer"),
    auditor: await join("auditor"),
    stranger: await api.register(),
  };
}

export async function createWorkspace({ request }: Api, { token }: Person, name = "Lab"): Promise<string> {
  const made = await request<{ id: string }>("POST", "/api/workspaces", { token, body: { name } });
  if (made.status !== 201) throw new Error(`making a workspace answered ${made.status}: ${made.text}`);
  return made.body.id;
}

/** The token of a new invitation. */
export async function invite(
  { request }: Api,
  { token }: Person,
  workspaceId: string,
  body: { email: string; role: WorkspaceRole; expiresInHours?: number },
): Promise<string> {
  const path = `/api/workspaces/${workspaceId}/invitations`;
  const sent = await request<{ url: string }>("POST", path, { token, body });
  if (sent.status !== 201) throw new Error(`inviting answered ${sent.status}: ${sent.text}`);
  return tokenOf(sent.body.url);
}

export function tokenOf(link: string): string {
  return new URL(link).hash.slice(1);
}

/** A new person who registers with an invitation. */
export async function joinAs(
  api: Api,
  owner: Person,
  workspaceId: string,
  role: WorkspaceRole,
): Promise<Person> {
  const email = `${randomUUID()}@example.com`;
  const token = await invite(api, owner, workspaceId, { email, role });
  const body = { email, password: PASSWORD, invite: token };
  const reply = await api.request<Grant>("POST", "/auth/register", { body });
  if (reply.status !== 201) throw new Error(`registration answered ${reply.status}: ${reply.text}`);
  const { user, accessToken } = reply.body;
  const personal = reply.body.workspaceId;
  return { email, token: accessToken, userId: user.id, workspaceId: personal, cookie: cookieOf(reply) };
}
