// What the app answers beside the document, each with its guard: what an anonymous request and an editor's get.

import { STUDIO_PATHS } from "../../../api/studio-pages.ts";

export type Page = {
  path: string;
  /** As the router names it: a route, or a mount with everything below. */
  mounted: { route: string } | { mount: string };
  anonymous: number;
  editor: number;
};

export const PAGES: readonly Page[] = [
  { path: "/", mounted: { route: "get /" }, anonymous: 200, editor: 200 },
  // The Studio: its page asks for everything else with a token.
  { path: "/workflows", mounted: { route: `get ${STUDIO_PATHS}` }, anonymous: 200, editor: 200 },
  { path: "/assets/nothing.js", mounted: { mount: "/assets" }, anonymous: 404, editor: 404 },
  { path: "/docs", mounted: { route: "get /docs" }, anonymous: 200, editor: 200 },
  { path: "/docs/page.css", mounted: { mount: "/docs" }, anonymous: 200, editor: 200 },
  { path: "/docs/nothing.css", mounted: { mount: "/docs" }, anonymous: 404, editor: 404 },
  { path: "/openapi.json", mounted: { route: "get /openapi.json" }, anonymous: 200, editor: 200 },
  // bull-board: a cookie of its own, test/security/queues.test.ts goes through all its routes. A bearer opens nothing.
  { path: "/queues", mounted: { mount: "/queues" }, anonymous: 401, editor: 401 },
  { path: "/queues/api/queues", mounted: { mount: "/queues" }, anonymous: 401, editor: 401 },
];
