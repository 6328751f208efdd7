// Some routes on a real app, a real database and a free port, with people who need no password.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { createApp } from "../../api/app.ts";
import type { Route } from "../../api/routing/route.ts";
import { AppError } from "../../core/domain/app-error.ts";
import type { Actor, WorkspaceRole } from "../../core/domain/roles.ts";
import { createLogger } from "../../core/logger.ts";
import { createDatabase, type Database } from "../../core/persistence/database.ts";
import { createTestDatabase } from "./database.ts";

export type Answer<Body = Record<string, unknown>> = { status: number; headers: Headers; body: Body };

export type RouteServer = {
  url: string;
  database: Database;
  /** The superuser's connection: sees what policies hide. */
  admin: pg.Client;
  /** A person with a personal workspace; their bearer token is their user id. */
  addPerson(name: string): Promise<Actor & { workspaceId: string }>;
  addMember(person: Actor, workspaceId: string, role: WorkspaceRole): Promise<void>;
  /** JSON in, JSON out. */
  call<Body = Record<string, unknown>>(
    person: Actor,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Answer<Body>>;
  close(): Promise<void>;
};

/** Nothing stays behind when it fails. */
export async function startRouteServer(routesOf: (database: Database) => Route[]): Promise<RouteServer> {
  await using opened = new AsyncDisposableStack();
  const testDatabase = opened.adopt(await createTestDatabase(), (made) => made.drop());
  const { databaseUrl, adminUrl } = testDatabase;
  const database = opened.adopt(createDatabase({ databaseUrl, role: "atelier_api" }), (made) => made.close());
  const admin = opened.adopt(new pg.Client({ connectionString: adminUrl }), (made) => made.end());
  await admin.connect();
  const people = new Map<string, Actor>();
  const app = createApp({
    routes: routesOf(database),
    authenticate: async (request) => {
      const actor = people.get((request.headers.authorization ?? "").replace("Bearer ", ""));
      if (!actor) throw new AppError("unauthenticated", "Who are you?");
      return actor;
    },
    logger: createLogger("test", "silent"),
    observe: () => {},
    limitAttempt: (_request, _attempt, work) => work(),
  });
  const server = createServer(app).listen(0, "127.0.0.1");
  opened.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const running = opened.move();
  return {
    url,
    database,
    admin,
    addPerson: (name) => addPerson(admin, people, name),
    async addMember(person, workspaceId, role) {
      await insertMember(admin, person.userId, workspaceId, role);
      people.set(person.userId, { ...person, memberships: [...person.memberships, { workspaceId, role }] });
    },
    call: (person, method, path, body) => callJson(url, person, { method, path, body }),
    close: () => running.disposeAsync(),
  };
}

async function addPerson(admin: pg.Client, people: Map<string, Actor>, name: string) {
  const userId = uuidv7();
  const workspaceId = uuidv7();
  const email = `${name}@example.com`;
  await admin.query("insert into users (id, email, name, password_hash) values ($1, $2, $3, '-')", [
    userId,
    email,
    name,
  ]);
  await admin.query("insert into workspaces (id, name, personal, created_by) values ($1, $2, true, $3)", [
    workspaceId,
    name,
    userId,
  ]);
  await insertMember(admin, userId, workspaceId, "owner");
  const memberships = [{ workspaceId, role: "owner" as const }];
  const person = {
    userId,
    sessionId: uuidv7(),
    apiKey: null,
    email,
    name,
    isAdmin: false,
    memberships,
    workspaceId,
  };
  people.set(userId, person);
  return person;
}

async function insertMember(admin: pg.Client, userId: string, workspaceId: string, role: WorkspaceRole) {
  await admin.query("insert into workspace_members (workspace_id, user_id, role) values ($1, $2, $3)", [
    workspaceId,
    userId,
    role,
  ]);
}

async function callJson<Body>(
  url: string,
  person: Actor,
  { method, path, body }: { method: string; path: string; body: unknown },
): Promise<Answer<Body>> {
  const response = await fetch(url + path, {
    method,
    headers: {
      authorization: `Bearer ${person.userId}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === "" ? null : JSON.parse(text)) as Body,
  };
}
