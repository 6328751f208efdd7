// Who the matrix lets call every route: each role, each way to prove who one is, and those who should get nowhere.
import { SCOPES, type Scope, type WorkspaceRole } from "#core/domain/roles.ts";

export type Persona = {
  name: string;
  /** In the workspace that holds the objects; null: no member of it, but owner of one of their own. */
  role: WorkspaceRole | null;
  /** How they prove who they are; a key may be good for their own workspace only. */
  by: "session" | "nothing" | { scopes: readonly Scope[]; elsewhere?: true };
  isAdmin?: true;
  /** The workspace asks for a second factor that they have not set up. */
  needsTotp?: true;
  /** What they were in that workspace until a moment ago: a membership with an end, or emergency access. */
  was?: { role: WorkspaceRole; emergency?: true };
};

const ROLES: readonly WorkspaceRole[] = ["owner", "editor", "operator", "viewer", "auditor"];

export const PERSONAS: readonly Persona[] = [
  ...ROLES.map((role): Persona => ({ name: role, role, by: "session" })),
  { name: "stranger", role: null, by: "session" },
  { name: "anonymous", role: null, by: "nothing" },
  { name: "instance admin who is no member", role: null, by: "session", isAdmin: true },
  { name: "editor whose membership has ended", role: null, by: "session", was: { role: "editor" } },
  {
    name: "instance admin whose emergency access has ended",
    role: null,
    by: "session",
    isAdmin: true,
    was: { role: "editor", emergency: true },
  },
  {
    name: "key with every scope of an editor whose membership has ended",
    role: null,
    by: { scopes: SCOPES },
    was: { role: "editor" },
  },
  { name: "owner without the second factor", role: "owner", by: "session", needsTotp: true },
  ...SCOPES.map(
    (scope): Persona => ({ name: `owner's ${scope} key`, role: "owner", by: { scopes: [scope] } }),
  ),
  { name: "owner's run and write key", role: "owner", by: { scopes: ["run", "write"] } },
  { name: "viewer's key with every scope", role: "viewer", by: { scopes: SCOPES } },
  { name: "owner's key for another workspace", role: "owner", by: { scopes: SCOPES, elsewhere: true } },
  { name: "owner's key without the second factor", role: "owner", by: { scopes: SCOPES }, needsTotp: true },
  { name: "admin's admin key", role: null, by: { scopes: ["admin"] }, isAdmin: true },
  {
    name: "admin's read, run, write key",
    role: null,
    by: { scopes: ["read", "run", "write"] },
    isAdmin: true,
  },
  {
    name: "admin's key for one workspace",
    role: null,
    by: { scopes: SCOPES, elsewhere: true },
    isAdmin: true,
  },
];
