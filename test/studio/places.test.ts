// The api serves the page at every address that the Studio's router knows.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { STUDIO_PLACES } from "../../api/studio-pages.ts";

test("every address of the router begins with a place the api knows, and each place is used", () => {
  const router = readFileSync(new URL("../../dashboards/studio/src/router.tsx", import.meta.url), "utf8");
  const places = [...router.matchAll(/path: "\/([a-z]*)/g)].map(([, place = ""]) => place);
  assert.ok(places.length > 5);
  assert.deepEqual(new Set(places), new Set(["", ...STUDIO_PLACES]));
});
