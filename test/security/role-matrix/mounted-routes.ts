// Everything the running app answers to, read off its router: what is not in the document shows here.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Server } from "node:http";

type Layer = {
  rawPath: unknown;
  slash: boolean;
  route?: { path: string; methods: Record<string, boolean> };
  handle: { stack?: Layer[] };
};

export type Mounted = { routes: string[]; mounts: string[] };

/** Asks the server for anything, to be introduced to it, and reads the router of the app that answers. */
export async function listMounted(url: string): Promise<Mounted> {
  const started = "http.server.request.start";
  let app: { router: { stack: Layer[] } } | undefined;
  const meet = (message: unknown) => {
    const { server } = message as { server: Server };
    app = server.listeners("request")[0] as unknown as typeof app;
  };
  subscribe(started, meet);
  await fetch(`${url}/healthz`);
  unsubscribe(started, meet);
  if (!app) throw new Error("no server introduced itself");
  const found: Mounted = { routes: [], mounts: [] };
  walk(app.router.stack, found);
  return { routes: [...new Set(found.routes)], mounts: found.mounts };
}

function walk(stack: readonly Layer[], found: Mounted): void {
  for (const { route, handle, rawPath, slash } of stack) {
    // `_all` is the 405 of a path; a path that has nothing else still shows, as "all".
    if (route) found.routes.push(...methodsOf(route.methods).map((method) => `${method} ${route.path}`));
    else if (!slash) found.mounts.push(String(rawPath));
    else if (handle.stack) walk(handle.stack, found);
  }
}

function methodsOf(methods: Record<string, boolean>): string[] {
  return Object.keys(methods).map((method) => (method === "_all" ? "all" : method));
}
