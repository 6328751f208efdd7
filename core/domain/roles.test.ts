// Who may do what: every role against every action, and what a stranger learns.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Actor,
  authorize,
  notFound,
  WORKSPACE_POLICIES,
  WORKSPACE_ROLES,
  type WorkspaceAction,
  workspacesFor,
} from "./roles.ts";

const actorIn = (...memberships: Actor["memberships"]): Actor => ({
  userId: "u",
  sessionId: "s",
  email: "u@example.com",
  name: "U",
  isAdmin: true,
  memberships,
});

const ACTIONS = Object.keys(WORKSPACE_POLICIES) as WorkspaceAction[];

/** From the contract: who may change, who may run, who may read; an auditor reads the workspace's own page only. */
const MATRIX: Readonly<Record<string, string>> = {
  owner: "workspace:read workflow:read workflow:write execution:read execution:run file:read file:write",
  editor: "workspace:read workflow:read workflow:write execution:read execution:run file:read file:write",
  operator: "workspace:read workflow:read execution:read execution:run file:read file:write",
  viewer: "workspace:read workflow:read execution:read file:read",
  auditor: "workspace:read",
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
    const known = (MATRIX[role] ?? "").split(" ");
    for (const action of ACTIONS.filter((each) => Object.values(MATRIX).join(" ").includes(each))) {
      assert.equal(
        verdict(actor, action, "w"),
        known.includes(action) ? "allowed" : "forbidden",
        `${role} ${action}`,
      );
    }
  }
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
