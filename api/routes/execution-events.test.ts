// A listener that does not read holds the stream up instead of filling the server's memory.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { test } from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import type { Actor } from "#core/domain/roles.ts";
import { createLogger } from "#core/logger.ts";
import type { ExecutionEvent } from "#core/services/executions/watch-execution.ts";
import { createApp } from "../app.ts";
import { createExecutionEventRoutes } from "./execution-events.ts";

const PERSON: Actor = {
  userId: "u1",
  sessionId: "s1",
  apiKey: null,
  email: "",
  name: "",
  isAdmin: false,
  memberships: [],
};
const PATH = "/api/executions/01890000-0000-7000-8000-000000000000/events";
const EVENTS = 300;
const MEGABYTE = 1_000_000;

/** A stream of 300 MB: more than the buffers of any two sockets hold. */
async function* manyEvents(seen: { made: number; ended: () => void }): AsyncGenerator<ExecutionEvent> {
  try {
    for (let seq = 1; seq <= EVENTS; seq++) {
      seen.made = seq;
      const error = { code: "x", message: "y".repeat(MEGABYTE) };
      yield { type: "status", seq, status: "failed", error };
    }
  } finally {
    seen.ended();
  }
}

async function serve() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen = { made: 0, ended: resolve };
  const app = createApp({
    routes: createExecutionEventRoutes({ watch: () => manyEvents(seen), recheck: async () => PERSON }),
    authenticate: async () => PERSON,
    logger: createLogger("test", "silent"),
    observe: () => {},
  });
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { seen, ended: promise, port, server };
}

test("events are made as fast as they are read, and no more once the client is gone", async (t) => {
  const { seen, ended, port, server } = await serve();
  t.after(() => server.close());
  const client = connect(port, "127.0.0.1");
  client.write(`GET ${PATH} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await once(client, "readable");
  // It has the head and reads nothing more. Long enough to make them all, were nobody waiting.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.ok(seen.made < EVENTS, `${seen.made} events were made for a client that reads none`);
  client.destroy();
  await ended;
  assert.ok(seen.made < EVENTS, `${seen.made} events were made for a client that is gone`);
});

test("a client that reads gets every event, in order", async (t) => {
  const { port, server } = await serve();
  t.after(() => server.close());
  const text = await (await fetch(`http://127.0.0.1:${port}${PATH}`)).text();
  const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  assert.deepEqual(
    ids,
    Array.from({ length: EVENTS }, (_, index) => index + 1),
  );
});

/** One event at a look, for ever; what a look shows is up to `actor`. */
async function serveEndless(recheck: () => Promise<Actor>) {
  const looks: Actor[] = [];
  const app = createApp({
    routes: createExecutionEventRoutes({
      async *watch(actor, _id, { signal }) {
        for (let seq = 1; !signal.aborted; seq++) {
          looks.push(actor());
          if (actor().memberships.length > 0) throw new AppError("not_found", "gone");
          yield { type: "status", seq, status: "running", error: null };
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      },
      recheck,
      checkMs: 20,
    }),
    authenticate: async () => PERSON,
    logger: createLogger("test", "silent"),
    observe: () => {},
  });
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { looks, server, url: `http://127.0.0.1:${port}${PATH}` };
}

test("A59: a follower whose session has ended is cut off at the next check", async (t) => {
  const { url, server } = await serveEndless(() => Promise.reject(new AppError("unauthenticated", "over")));
  t.after(() => server.close());
  assert.match(await (await fetch(url)).text(), /^id: 1\n/);
});

test("A59: rights are those of the last check: who may not look any more is shown nothing more", async (t) => {
  const changed: Actor = { ...PERSON, memberships: [{ workspaceId: "w", role: "auditor" }] };
  const { url, server, looks } = await serveEndless(async () => changed);
  t.after(() => server.close());
  const text = await (await fetch(url)).text();
  assert.equal(looks.at(-1), changed);
  assert.equal(
    [...text.matchAll(/^id: /gm)].length,
    looks.length - 1,
    "the look with the new rights shows nothing",
  );
});
