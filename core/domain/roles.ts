// Who may do what: the one policy table, as data.
import { AppError } from "./app-error.ts";

export const WORKSPACE_ROLES = ["owner", "editor", "operator", "viewer", "auditor"] as const;
export type WorkspaceRole = (typeof WORKSPACE_ROLES)[number];

/** What an API key may be limited to; a session may do everything its person may. */
export const SCOPES = ["read", "run", "approve", "write", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** A key needs all of `scopes`. */
type Policy = { roles: readonly WorkspaceRole[]; scopes: readonly Scope[] };

const EVERYONE: readonly WorkspaceRole[] = WORKSPACE_ROLES;
const READERS: readonly WorkspaceRole[] = ["owner", "editor", "operator", "viewer"];
const RUNNERS: readonly WorkspaceRole[] = ["owner", "editor", "operator"];
const EDITORS: readonly WorkspaceRole[] = ["owner", "editor"];
const OWNERS: readonly WorkspaceRole[] = ["owner"];
const EXAMINERS: readonly WorkspaceRole[] = ["owner", "auditor"];

/** Actions on things that belong to a workspace → the roles that may, and the scopes a key needs. */
export const WORKSPACE_POLICIES = {
  "workspace:read": { roles: EVERYONE, scopes: ["read"] },
  "workspace:write": { roles: OWNERS, scopes: ["admin"] },
  "workspace:delete": { roles: OWNERS, scopes: ["admin"] },
  "workspace:export": { roles: OWNERS, scopes: ["admin"] },
  "workspace:erase": { roles: OWNERS, scopes: ["admin"] },
  "member:read": { roles: EVERYONE, scopes: ["read"] },
  "member:write": { roles: OWNERS, scopes: ["admin"] },
  "invitation:read": { roles: OWNERS, scopes: ["admin"] },
  "invitation:write": { roles: OWNERS, scopes: ["admin"] },
  "workflow:read": { roles: READERS, scopes: ["read"] },
  "workflow:write": { roles: EDITORS, scopes: ["write"] },
  "execution:read": { roles: READERS, scopes: ["read"] },
  "execution:run": { roles: RUNNERS, scopes: ["run"] },
  "approval:read": { roles: READERS, scopes: ["read"] },
  // Of whom an approval names nobody, those who may run things: see core/persistence/executions/approvals.ts. A scope of its own, so that no key
  // can approve what it has started.
  "approval:decide": { roles: READERS, scopes: ["approve"] },
  "file:read": { roles: READERS, scopes: ["read"] },
  "file:write": { roles: RUNNERS, scopes: ["run"] },
  "credential:read": { roles: READERS, scopes: ["read"] },
  "credential:write": { roles: EDITORS, scopes: ["write"] },
  "credential:test": { roles: RUNNERS, scopes: ["run"] },
  "schedule:read": { roles: READERS, scopes: ["read"] },
  // It starts runs later in the name of whoever makes it: what a key may not start now, it may not have started.
  "schedule:write": { roles: EDITORS, scopes: ["write", "run"] },
  // Now, or for slots of the past: who may run a workflow may.
  "schedule:run": { roles: RUNNERS, scopes: ["run"] },
  "webhook:read": { roles: READERS, scopes: ["read"] },
  "webhook:write": { roles: EDITORS, scopes: ["write", "run"] },
  "audit:read": { roles: EXAMINERS, scopes: ["read"] },
} as const satisfies Readonly<Record<string, Policy>>;

export type WorkspaceAction = keyof typeof WORKSPACE_POLICIES;

/**
 * What a route may ask for: a workspace action, an instance admin (`self:admin`: one who is signed in), or just
 * a signed-in person (`self`), of whom an API key with the scope `read` may act for `self:read` only.
 */
export type RouteAction = WorkspaceAction | "instance:admin" | "self:admin" | "self:read" | "self";

export type Membership = {
  workspaceId: string;
  role: WorkspaceRole;
  /** The workspace asks for a second factor that this person has not set up: nothing may be done there. */
  needsTotp?: boolean;
  /** When it ends: ISO 8601 on the database's clock, and so many milliseconds after it was looked up. */
  end?: { at: string; inMs: number };
};

/** `expiresAt` is ISO 8601. */
export type ApiKeyLimits = {
  id: string;
  scopes: readonly Scope[];
  workspaceId?: string;
  expiresAt?: string;
};

/** A verified person and the workspaces they belong to. */
export type Actor = {
  userId: string;
  /** Null when an API key spoke. */
  sessionId: string | null;
  /** Null when a session spoke. A key may name one workspace; then `memberships` holds that one only. */
  apiKey: ApiKeyLimits | null;
  email: string;
  name: string;
  isAdmin: boolean;
  memberships: readonly Membership[];
};

export function rolesFor(action: WorkspaceAction): readonly WorkspaceRole[] {
  return WORKSPACE_POLICIES[action].roles;
}

/**
 * The one authorisation check. Somebody else's object does not exist (`not_found`), a role that is too
 * small is `forbidden`, a key without a scope `scope_missing`; `totp_setup_required` says what it says.
 */
export function authorize(actor: Actor, action: WorkspaceAction, object: { workspaceId: string }): void {
  const membership = actor.memberships.find((m) => m.workspaceId === object.workspaceId);
  if (!membership) throw notFound();
  requireScopes(actor, WORKSPACE_POLICIES[action].scopes);
  if (membership.needsTotp) {
    throw new AppError(
      "totp_setup_required",
      "This workspace asks for a second factor: set one up with POST /auth/mfa/setup, then sign in again",
    );
  }
  if (!rolesFor(action).includes(membership.role)) {
    throw new AppError(
      "forbidden",
      `Your role ${membership.role} in this workspace may not do this (${action})`,
    );
  }
}

/**
 * An API key never speaks about its own person: with their right to administer the instance it could else reset what
 * they sign in with, or end the session that would revoke it. Throws `forbidden`.
 */
export function requireSessionForOneself(actor: Actor, userId: string): void {
  if (actor.userId === userId) requireSession(actor);
}

/** What a route can refuse before it knows the object. Throws `forbidden` or `scope_missing`. */
export function authorizeRoute(actor: Actor, action: RouteAction): void {
  if (action === "self") {
    requireSession(actor);
  } else if (action === "self:admin") {
    requireAdmin(actor);
    requireSession(actor);
  } else if (action === "self:read") {
    requireScopes(actor, ["read"]);
  } else if (action === "instance:admin") {
    requireAdmin(actor);
    requireScopes(actor, ["admin"]);
  } else {
    requireScopes(actor, WORKSPACE_POLICIES[action].scopes);
  }
}

/** Throws `forbidden` when an API key speaks. */
export function requireSession(actor: Actor): void {
  if (actor.sessionId === null) throw new AppError("forbidden", "Sign in for this: no API key may do it");
}

function requireAdmin(actor: Actor): void {
  if (actor.isAdmin) return;
  throw new AppError("forbidden", "Only an administrator of this instance may do this");
}

function requireScopes({ apiKey }: Actor, scopes: readonly Scope[]): void {
  const scope = scopes.find((one) => apiKey !== null && !apiKey.scopes.includes(one));
  if (scope === undefined) return;
  throw new AppError("scope_missing", `This API key lacks the scope ${scope}`, { details: { scope } });
}

/** Workspaces in which the actor may do `action`. */
export function workspacesFor(actor: Actor, action: WorkspaceAction): string[] {
  const { roles, scopes }: Policy = WORKSPACE_POLICIES[action];
  const { apiKey } = actor;
  if (apiKey !== null && !scopes.every((scope) => apiKey.scopes.includes(scope))) return [];
  return actor.memberships.filter((m) => !m.needsTotp && roles.includes(m.role)).map((m) => m.workspaceId);
}

export function notFound(what = "object"): AppError {
  return new AppError("not_found", `No such ${what}, or it is not yours to see`);
}
