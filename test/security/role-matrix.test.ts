// S20, S70, A10–A17, A22, A26: every role, key and stranger calls every route of the document about their own, another's
// and nobody's objects; what must come of it is computed from the policy table and the route's x-action.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type Cell, cellsOf, type Outcome, runCell } from "./role-matrix/cells.ts";
import { type DocumentedRoute, listDocumented } from "./role-matrix/documented-routes.ts";
import { listMounted } from "./role-matrix/mounted-routes.ts";
import { PAGES } from "./role-matrix/pages.ts";
import { PERSONAS } from "./role-matrix/personas.ts";
import { REQUESTS } from "./role-matrix/requests.ts";
import { addVisitor, openWorld } from "./role-matrix/world.ts";

const AT_ONCE = 8;
const MIN_CELLS = 1_000;

const world = await openWorld();
after(() => world.close());

const routes = await listDocumented(world.api);
const foreignBefore = await foreignRows();
let cellCount = 0;

const label = ({ persona, which }: Cell) => `${persona.name} on ${which ?? "no named"} object`;

for (const route of routes) {
  test(`S20 S70 A22 A26: ${route.name} (${route.action})`, async () => {
    const plan = REQUESTS[route.name];
    assert.ok(plan, `Add "${route.name}" to test/security/role-matrix/requests.ts: say how to call it`);
    const cells = cellsOf(plan);
    const outcomes: Outcome[] = [];
    for (let at = 0; at < cells.length; at += AT_ONCE) {
      const some = cells.slice(at, at + AT_ONCE);
      outcomes.push(...(await Promise.all(some.map((cell) => runCell(world, route, plan, cell)))));
    }
    cellCount += outcomes.length;
    const wrong = outcomes.flatMap(({ cell, faults }) => faults.map((fault) => `${label(cell)}: ${fault}`));
    const more = [...betrayals(outcomes), ...favourites(route, outcomes)];
    if (plan.object === "workspace") more.push(...remains(outcomes));
    assert.deepEqual([...wrong, ...more], []);
  });
}

function answerOf(outcomes: readonly Outcome[], persona: string, which: string): string | undefined {
  return outcomes
    .find(({ cell }) => cell.persona.name === persona && cell.which === which)
    ?.text.replace(/"requestId":"[^"]*"/, "");
}

/** S70: to whom a membership has ended, what was theirs is what nobody has. */
function remains(outcomes: readonly Outcome[]): string[] {
  return PERSONAS.filter(({ was }) => was !== undefined)
    .filter(({ name }) => answerOf(outcomes, name, "own") !== answerOf(outcomes, name, "random"))
    .map(({ name }) => `${name}: what was theirs is answered unlike what does not exist`);
}

/** A10–A17: whether a foreign object exists cannot be told from the answer. */
function betrayals(outcomes: readonly Outcome[]): string[] {
  const answerTo = (persona: string, which: string) => answerOf(outcomes, persona, which);
  return PERSONAS.map(({ name }) => name)
    .filter((name) => answerTo(name, "foreign") !== undefined)
    .filter((name) => answerTo(name, "foreign") !== answerTo(name, "random"))
    .map((name) => `${name}: a foreign object is answered unlike one that does not exist`);
}

/** A public route has one answer for everybody. */
function favourites({ action }: DocumentedRoute, outcomes: readonly Outcome[]): string[] {
  const statuses = [...new Set(outcomes.map(({ status }) => status))];
  return action === "public" && statuses.length > 1 ? [`public, yet answers ${statuses.join(", ")}`] : [];
}

test("S20: the matrix is as big as it should be and has no line for a route that is gone", (t) => {
  t.diagnostic(`role matrix: ${cellCount} cells, ${routes.length} routes, ${PERSONAS.length} personas`);
  assert.ok(cellCount >= MIN_CELLS, `${cellCount} cells`);
  const known = new Set(routes.map(({ name }) => name));
  assert.deepEqual(
    Object.keys(REQUESTS).filter((name) => !known.has(name)),
    [],
  );
});

test("A21: after all of it the foreign tenant's rows are what they were", async () => {
  assert.ok(foreignBefore.length >= 15, `${foreignBefore.length} tables hold foreign rows`);
  assert.deepEqual(await foreignRows(), foreignBefore);
});

test("S20: nothing is mounted that is neither in the document nor a page with a known guard", async () => {
  const { routes: mountedRoutes, mounts } = await listMounted(world.api.url);
  assert.ok(mountedRoutes.length > routes.length, "the router was read");
  const paths = routes.map(({ path, method }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`);
  const pages = PAGES.flatMap(({ mounted }) => ("route" in mounted ? [mounted.route] : []));
  // The 405 of a path that is known is `all`.
  const known = new Set([...paths, ...pages].flatMap((name) => [name, name.replace(/^\w+/, "all")]));
  const knownMounts = new Set(PAGES.flatMap(({ mounted }) => ("mount" in mounted ? [mounted.mount] : [])));
  const hint =
    "give it a defineRoute so that the document has it, or a guard in test/security/role-matrix/pages.ts";
  assert.deepEqual(
    [...mountedRoutes.filter((name) => !known.has(name)), ...mounts.filter((path) => !knownMounts.has(path))],
    [],
    hint,
  );
});

for (const { path, anonymous, editor } of PAGES) {
  test(`S20: ${path} answers ${anonymous} to nobody and ${editor} to an editor's token`, async () => {
    const persona = PERSONAS.find(({ name }) => name === "editor");
    assert.ok(persona);
    const { token } = await addVisitor(world, persona);
    assert.equal((await world.api.request("GET", path)).status, anonymous);
    assert.equal((await world.api.request("GET", path, { token })).status, editor);
  });
}

/** Every table that knows workspaces, with what it holds of the foreign one. */
async function foreignRows() {
  const { rows: tables } = await world.bed.admin.query<{ name: string; own: string }>(`
    select c.relname as name, k.attname as own from pg_class c join pg_attribute k on k.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and k.attname in ('workspace_id', 'user_id', 'chain_id') and not k.attisdropped order by 1, 2`);
  const { workspaceId, userId } = world.tenant;
  const held = [];
  for (const { name, own } of tables) {
    const { rows } = await world.bed.admin.query(
      `select row_to_json(t)::text as row from ${name} t where ${own} = $1 order by 1`,
      [own === "user_id" ? userId : workspaceId],
    );
    if (rows.length > 0) held.push({ table: `${name}.${own}`, rows: rows.map(({ row }) => row) });
  }
  return held;
}
