// What goes out as a connection's options.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startupOptions } from "./session-settings.ts";

test("a blank and a backslash in a value are not the end of it", () => {
  assert.equal(
    startupOptions({ role: "a", isolation: "read committed", x: "\\" }),
    "-c role=a -c isolation=read\\ committed -c x=\\\\",
  );
});
