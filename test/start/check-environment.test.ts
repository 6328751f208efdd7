// A setting no role would start with is refused before anything is started, instead of role after role in a circle.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkEnvironment } from "../../scripts/start/check-environment.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { startPlatform } from "./platform-process.ts";

test("what npm start brings itself may be missing; every fault of the rest is told at once, without its value", () => {
  checkEnvironment({});
  checkEnvironment({ PORT: "0", HOST: "0.0.0.0" });
  const env = {
    SESSION_IDLE_MINUTES: "1",
    TRUSTED_PROXIES: "nonsense",
    SIGNUP: "maybe",
    ENCRYPTION_KEYS: "k1:tooshort",
    SMTP_URL: "smtp://127.0.0.1:25",
  };
  assert.throws(
    () => checkEnvironment(env),
    (error: Error & { code: string }) => {
      assert.equal(error.code, "invalid_config");
      for (const name of [...Object.keys(env).filter((key) => key !== "SMTP_URL"), "MAIL_FROM"])
        assert.equal(error.message.split(`  ${name}: `).length, 2, `${name} once in ${error.message}`);
      assert.match(error.message, /Nothing was started/);
      assert.match(error.message, />=15/);
      assert.doesNotMatch(error.message, /tooshort|nonsense|maybe/);
      return true;
    },
  );
});

test("the command ends with the faults before it makes a database", async (t) => {
  const folder = temporaryFolder(t);
  const platform = startPlatform(t, folder, "api", { SESSION_IDLE_MINUTES: "1" });
  assert.equal(await platform.exitCode(), 1);
  assert.match(platform.output(), /SESSION_IDLE_MINUTES/);
  assert.deepEqual(platform.notes(), []);
});
