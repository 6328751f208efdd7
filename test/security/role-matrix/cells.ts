// One cell: a person of the persona's kind makes one call, and the answer is held against the policy.
import { setTimeout as delay } from "node:timers/promises";
import type { ApiReply } from "../../support/client.ts";
import type { DocumentedRoute } from "./documented-routes.ts";
import { findLeaks } from "./leaks.ts";
import type { Persona } from "./personas.ts";
import { PERSONAS } from "./personas.ts";
import type { Call, Plan } from "./plan.ts";
import { ownTarget, randomTarget } from "./targets.ts";
import { type Verdict, verdictOf } from "./verdict.ts";
import { addVisitor, type Visitor, type World } from "./world.ts";

type Which = "own" | "foreign" | "random";
export type Cell = { persona: Persona; which: Which | null };

export function cellsOf({ object, optional }: Plan): Cell[] {
  const named: readonly Which[] =
    object === null ? [] : object === "instance" ? ["own", "random"] : ["own", "foreign", "random"];
  const columns: readonly (Which | null)[] = object === null || optional ? [...named, null] : named;
  return PERSONAS.flatMap((persona) => columns.map((which) => ({ persona, which })));
}

export type Outcome = { cell: Cell; status: number; text: string; faults: string[] };

/** Null while the answer is not there within `PATIENCE_MS`: a stream that goes on is an answer too. */
export async function runCell(
  world: World,
  route: DocumentedRoute,
  plan: Plan,
  cell: Cell,
): Promise<Outcome> {
  const { persona, which } = cell;
  const visitor = await visitorFor(world, route, persona);
  const call = await plan.call(targetOf(world, visitor, plan, which));
  const reply = await send(world, route, visitor, call);
  const object = which === null || plan.object === null ? null : { kind: plan.object, which };
  const verdict = verdictOf(persona, route.action, object);
  const faults = [
    ...judge(verdict, plan, reply),
    ...findLeaks(reply.text, acquaintances(world, route, cell, visitor)),
    ...findForeign(world, route, reply.text),
  ];
  return { cell, status: reply.status, text: reply.text, faults };
}

const readers = new Map<Persona, Promise<Visitor>>();

/** Reading changes nobody, so readers come again; whoever changes something is somebody new. */
function visitorFor(world: World, { method }: DocumentedRoute, persona: Persona): Promise<Visitor> {
  if (method !== "get") return addVisitor(world, persona);
  const reader = readers.get(persona) ?? addVisitor(world, persona);
  readers.set(persona, reader);
  return reader;
}

function targetOf(world: World, visitor: Visitor, { object }: Plan, which: Which | null) {
  if (which === null) return null;
  if (which === "foreign") return world.foreign;
  if (which === "random") return randomTarget();
  const { userId, workspaceId } = visitor;
  return ownTarget(world.bed, { userId, workspaceId: object === "person" ? visitor.homeId : workspaceId });
}

async function send({ api }: World, route: DocumentedRoute, visitor: Visitor, call: Call): Promise<ApiReply> {
  const params = [...(call.params ?? [])];
  const path = route.path.replaceAll(/\{\w+\}/g, () =>
    encodeURIComponent(String(params.shift() ?? "missing")),
  );
  const query = new URLSearchParams(call.query).toString();
  const { token } = visitor;
  const options = { token, body: call.body, ...(call.headers && { headers: call.headers }) };
  const url = query === "" ? path : `${path}?${query}`;
  const reply = await Promise.race([
    api.request(route.method.toUpperCase(), url, options),
    delay(20_000, null, { ref: false }),
  ]);
  if (reply === null) throw new Error(`${route.name} did not answer within 20 s`);
  return reply;
}

const CODES: Readonly<Record<number, RegExp>> = {
  401: /^unauthenticated$/,
  403: /^(forbidden|scope_missing|totp_setup_required)$/,
  404: /^not_found$/,
};

function judge(verdict: Verdict, { answers }: Plan, { status, body }: ApiReply): string[] {
  if (status >= 500) return [`answered ${status}`];
  if (verdict === "public") return [];
  if (verdict === "allowed") {
    const isExpected = answers === undefined ? status >= 200 && status < 300 : status === answers;
    return isExpected ? [] : [`is allowed, answered ${status} ${JSON.stringify(body)}`];
  }
  if (status !== verdict) return [`must be ${verdict}, answered ${status} ${JSON.stringify(body ?? null)}`];
  const code = String(body.code);
  return CODES[verdict]?.test(code) ? [] : [`${verdict} came with the code ${code}`];
}

/** A10–A17: no list, search or answer of any kind shows a row of the foreign tenant. */
export function findForeign(
  { tenant, foreign }: Pick<World, "tenant" | "foreign">,
  { action }: Pick<DocumentedRoute, "action">,
  text: string,
): string[] {
  if (action === "instance:admin") return [];
  const { userId, workspaceId, ids } = tenant;
  const all = { ...ids, userId, workspaceId, ...foreign.extra };
  return Object.entries(all)
    .filter(([, id]) => text.includes(id))
    .map(([what]) => `shows the foreign ${what}`);
}

/** Administrators' routes may name anybody; elsewhere only the caller and who shares a workspace with them. */
function acquaintances(
  { boss }: World,
  { action }: DocumentedRoute,
  { persona, which }: Cell,
  visitor: Visitor,
): readonly RegExp[] | null {
  if (action === "instance:admin" && persona.isAdmin) return null;
  const isMember = persona.role !== null && !(typeof persona.by === "object" && persona.by.elsewhere);
  const self = new RegExp(`^${visitor.email}$`);
  // The members of the visitor's workspace were made for this call; another workspace's would come with ids of its own.
  return isMember && which === "own" ? [self, new RegExp(`^${boss.email}$`), /@member\.test$/] : [self];
}
