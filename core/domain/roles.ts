// Who may do what: the one policy table, as data.
import { AppError } from "./app-error.ts";

export const WORKSPACE_ROLES = ["owner", "editor", "operator", "viewer", "auditor"] as const;
export type WorkspaceRole = (typeof WORKSPACE_ROLES)[number];

const EVERYONE: readonly WorkspaceRole[] = WORKSPACE_ROLES;
const READERS: readonly WorkspaceRole[] = ["owner", "editor", "operator", "viewer"];
const RUNNERS: readonly WorkspaceRole[] = ["owner", "editor", "operator"];
const EDITORS: readonly WorkspaceRole[] = ["owner", "editor"];

/** Actions on things that belong to a workspace → the roles that may. */
export const WORKSPACE_POLICIES = {
  "workspace:read": EVERYONE,
  "workflow:read": READERS,
  "workflow:write": EDITORS,
  "execution:read": READERS,
  "execution:run": RUNNERS,
  "file:read": READERS,
  "file:write": RUNNERS,
} as const satisfies Readonly<Record<string, readonly WorkspaceRole[]>>;

export type WorkspaceAction = keyof typeof WORKSPACE_POLICIES;

/** What a route may ask for: a workspace action, an instance admin, or just a signed-in user. */
export type RouteAction = WorkspaceAction | "instance:admin" | "self";

/** A verified person and the workspaces they belong to. */
export type Actor = {
  userId: string;
  sessionId: string;
  email: string;
  name: string;
  isAdmin: boolean;
  memberships: ReadonlyArray<{ workspaceId: string; role: WorkspaceRole }>;
};

export function rolesFor(action: WorkspaceAction): readonly WorkspaceRole[] {
  return WORKSPACE_POLICIES[action];
}

/**
 * The one authorisation check. Somebody else's object does not exist (`not_found`), a role that is too
 * small is `forbidden`.
 */
export function authorize(actor: Actor, action: WorkspaceAction, object: { workspaceId: string }): void {
  const membership = actor.memberships.find((m) => m.workspaceId === object.workspaceId);
  if (!membership) throw notFound();
  if (!rolesFor(action).includes(membership.role)) {
    throw new AppError(
      "forbidden",
      `Your role ${membership.role} in this workspace may not do this (${action})`,
    );
  }
}

/** Workspaces in which the actor may do `action`. */
export function workspacesFor(actor: Actor, action: WorkspaceAction): string[] {
  return actor.memberships.filter((m) => rolesFor(action).includes(m.role)).map((m) => m.workspaceId);
}

export function notFound(what = "object"): AppError {
  return new AppError("not_found", `No such ${what}, or it is not yours to see`);
}
