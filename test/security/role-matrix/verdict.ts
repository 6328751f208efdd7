// What the policy table says a call must answer; nothing here knows any single route.
import { type RouteAction, type Scope, WORKSPACE_POLICIES, type WorkspaceRole } from "#core/domain/roles.ts";
import type { Persona } from "./personas.ts";
import type { ObjectKind } from "./plan.ts";

/** `public`: the answer is the same for everybody. */
export type Verdict = "allowed" | 401 | 403 | 404 | "public";

/** `kind` says what the call is about, `which` whose it is; null where it names no object. */
export function verdictOf(
  persona: Persona,
  action: RouteAction | "public",
  object: { kind: ObjectKind; which: "own" | "foreign" | "random" } | null,
): Verdict {
  if (action === "public") return "public";
  if (persona.by === "nothing") return 401;
  if (!mayCall(persona, action)) return 403;
  if (object === null) return "allowed";
  if (object.which === "random") return 404;
  if (object.kind === "instance") return "allowed";
  if (object.which === "foreign") return 404;
  return object.kind === "workspace" ? inWorkspace(persona, action) : "allowed";
}

function mayCall(persona: Persona, action: RouteAction): boolean {
  const isSession = persona.by === "session";
  const isAdmin = persona.isAdmin === true && !isElsewhere(persona);
  if (action === "self") return isSession;
  if (action === "self:admin") return isSession && isAdmin;
  if (action === "self:read") return hasScope(persona, "read");
  if (action === "instance:admin") return isAdmin && hasScope(persona, "admin");
  return WORKSPACE_POLICIES[action].scopes.every((scope) => hasScope(persona, scope));
}

/** The persona's own workspace is where the object lies, unless they are no member or their key is for another. */
function inWorkspace(persona: Persona, action: RouteAction): Verdict {
  if (persona.role === null || isElsewhere(persona)) return 404;
  if (persona.needsTotp) return 403;
  const roles: readonly WorkspaceRole[] =
    action in WORKSPACE_POLICIES ? WORKSPACE_POLICIES[action as keyof typeof WORKSPACE_POLICIES].roles : [];
  return roles.includes(persona.role) ? "allowed" : 403;
}

function isElsewhere({ by }: Persona): boolean {
  return typeof by === "object" && by.elsewhere === true;
}

function hasScope({ by }: Persona, scope: Scope): boolean {
  return typeof by !== "object" || by.scopes.includes(scope);
}
