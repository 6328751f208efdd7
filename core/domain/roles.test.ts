// Who may do what: every role against every action, and what a stranger learns.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Actor,
  authorize,
  authorizeRoute,
  notFound,
  type RouteAction,
  SCOPES,
  type Scope,
  WORKSPACE_POLICIES,
  WORKSPACE_ROLES,
  type WorkspaceAction,
  type WorkspaceRole,
  workspacesFor,
} from "./roles.ts";

const actorIn = (...memberships: Actor["memberships"]): Actor => ({
  userId: "u",
  sessionId: "s",
  apiKey: null,
  email: "u@example.com",
  name: "U",
  isAdmin: true,
  memberships,
});

const ACTIONS = Object.keys(WORKSPACE_POLICIES) as WorkspaceAction[];

const READ =
  "workspace:read member:read workflow:read execution:read file:read credential:read \
approval:read approval:decide schedule:read webhook:read";
const RUN = `${READ} execution:run file:write credential:test schedule:run`;
const EDIT = `${RUN} workflow:write credential:write schedule:write webhook:write`;

/** From the contract: who may own, change, run and read; an auditor reads who is there and what they did. */
const MATRIX: Readonly<Record<WorkspaceRole, string>> = {
  owner: `${EDIT} audit:read workspace:write workspace:delete workspace:export workspace:erase member:write
    invitation:read invitation:write`,
  editor: EDIT,
  operator: RUN,
  viewer: READ,
  auditor: "workspace:read member:read audit:read",
};

function verdict(actor: Actor, action: WorkspaceAction, workspaceId: string): string {
  try {
    authorize(actor, action, { workspaceId });
    return "allowed";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test("every role may do exactly what the matrix says", () => {
  for (const role of WORKSPACE_ROLES) {
    const actor = actorIn({ workspaceId: "w", role });
    const allowed = MATRIX[role].split(/\s+/);
    for (const action of ACTIONS) {
      const expected = allowed.includes(action) ? "allowed" : "forbidden";
      assert.equal(verdict(actor, action, "w"), expected, `${role} ${action}`);
    }
  }
});

test("a key does what its scopes allow, and never more than its person", () => {
  const owner = actorIn({ workspaceId: "w", role: "owner" });
  const key = (role: WorkspaceRole, ...scopes: Scope[]): Actor => ({
    ...actorIn({ workspaceId: "w", role }),
    sessionId: null,
    apiKey: { id: "k", scopes },
  });
  for (const action of ACTIONS) {
    const { scopes }: { scopes: readonly Scope[] } = WORKSPACE_POLICIES[action];
    for (const given of SCOPES) {
      const expected = scopes.every((scope) => scope === given) ? "allowed" : "scope_missing";
      assert.equal(verdict(key("owner", given), action, "w"), expected, `${given} ${action}`);
      assert.deepEqual(workspacesFor(key("owner", given), action), expected === "allowed" ? ["w"] : []);
    }
    assert.equal(verdict(key("owner", ...scopes), action, "w"), "allowed");
    assert.deepEqual(workspacesFor(key("owner", ...scopes), action), ["w"]);
    assert.deepEqual(workspacesFor(key("owner"), action), []);
    assert.equal(verdict(owner, action, "w"), "allowed");
  }
  assert.equal(verdict(key("viewer", ...SCOPES), "workflow:write", "w"), "forbidden");
  assert.equal(verdict(key("owner", "admin"), "workspace:read", "other"), "not_found");
});

test("a key has runs started later only if it may start them now", () => {
  for (const action of ["schedule:write", "webhook:write"] as const) {
    assert.deepEqual([...WORKSPACE_POLICIES[action].scopes].sort(), ["run", "write"]);
  }
});

test("where a second factor is asked for, a person without one does nothing", () => {
  const actor = actorIn({ workspaceId: "w", role: "owner", needsTotp: true });
  for (const action of ACTIONS) {
    assert.equal(verdict(actor, action, "w"), "totp_setup_required");
    assert.deepEqual(workspacesFor(actor, action), []);
  }
});

test("a route refuses what it can before it knows the object", () => {
  const refusal = (actor: Actor, action: RouteAction) => {
    try {
      authorizeRoute(actor, action);
      return "allowed";
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  const session = actorIn();
  const key = { ...session, sessionId: null, apiKey: { id: "k", scopes: ["read"] as const } };
  assert.equal(refusal(session, "self"), "allowed");
  assert.equal(refusal(key, "self"), "forbidden");
  assert.equal(refusal(key, "self:read"), "allowed");
  assert.equal(refusal({ ...key, apiKey: { id: "k", scopes: ["run"] } }, "self:read"), "scope_missing");
  assert.equal(refusal(key, "instance:admin"), "scope_missing");
  assert.equal(refusal({ ...session, isAdmin: false }, "instance:admin"), "forbidden");
  assert.equal(refusal(session, "instance:admin"), "allowed");
  assert.equal(refusal(key, "workflow:write"), "scope_missing");
  assert.equal(refusal(key, "workflow:read"), "allowed");
});

test("a stranger, and an instance admin too, sees nothing there", () => {
  for (const action of ACTIONS) {
    assert.equal(verdict(actorIn({ workspaceId: "other", role: "owner" }), action, "w"), "not_found");
    assert.equal(verdict(actorIn(), action, "w"), "not_found");
  }
});

test("ids are compared whole", () => {
  const actor = actorIn({ workspaceId: "abc", role: "owner" });
  for (const id of ["ab", "abcd", "ABC", "abc ", ""])
    assert.equal(verdict(actor, "workflow:read", id), "not_found");
});

test("the workspaces for an action are those whose role allows it", () => {
  const actor = actorIn(
    { workspaceId: "a", role: "viewer" },
    { workspaceId: "b", role: "operator" },
    { workspaceId: "c", role: "auditor" },
  );
  assert.deepEqual(workspacesFor(actor, "execution:run"), ["b"]);
  assert.deepEqual(workspacesFor(actor, "execution:read"), ["a", "b"]);
});

test("what is not there and what is not yours read the same", () => {
  assert.equal(notFound("execution").code, "not_found");
  assert.match(notFound("execution").message, /execution/);
});
