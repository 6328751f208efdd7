// S31: a rotation in the middle of the day. A hundred executions use a credential while it runs, dies, and runs again.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import pg from "pg";
import { loadConfig } from "../../core/config.ts";
import { createEnvelope } from "../../core/crypto/envelope.ts";
import { createKeyring } from "../../core/crypto/keyring.ts";
import { keepKeys, keysFileIn } from "../../scripts/installation/keep-keys.ts";
import { type CredentialBed, createCredentialBed } from "../security/credential-bed.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { chain, createWorkflow, submit, untilEnded } from "../support/workflows.ts";
import { runRotation, seedCredentials, startRotation } from "./rotation-command.ts";

const EXECUTIONS = 100;
const OTHERS = 4_000;
const CALLS = ["one", "two", "three"];

let bed: CredentialBed;
let admin: pg.Client;
let dataDir: string;

before(async () => {
  dataDir = temporaryFolder({ after });
  keepKeys(dataDir, {}, () => {});
  const file = keysFileIn(dataDir);
  bed = await createCredentialBed({ environment: { ENCRYPTION_KEYS: "", JWT_SECRETS: "", KEYS_FILE: file } });
  admin = new pg.Client({ connectionString: bed.database.adminUrl });
  await admin.connect();
  const { encryptionKeys: keys } = loadConfig("worker", {
    DATABASE_URL: bed.database.databaseUrl,
    KEYS_FILE: file,
  });
  await seedCredentials(admin, createEnvelope({ keyring: createKeyring({ keys }) }), OTHERS);
});
after(async () => {
  await admin?.end();
  await bed?.close();
});

const countUnder = async (keyId: string): Promise<number> => {
  const { rows } = await admin.query("select count(*)::int as n from credentials where key_id = $1", [keyId]);
  return rows[0].n;
};

/** Resolves when so many requests have arrived outside. */
async function untilCalled(times: number): Promise<void> {
  while (bed.echo.requests.length < times) await new Promise((resolve) => setTimeout(resolve, 10));
}

test("F46 S31: none of a hundred executions fails while keys are rotated, the rotation is killed, and the old key goes", async () => {
  const { ada, database, echo, request } = bed;
  const credential = await bed.create(ada);
  const data = { credentials: { auth: credential } };
  const config = { method: "GET", url: echo.url };
  const workflowId = await createWorkflow(
    request,
    ada,
    chain(...CALLS.map((id) => ({ id, type: "http.request", config, data }))),
  );
  // Every call takes a little, so that the hundred are under way all through the rotation.
  echo.onRequest = () => new Promise((resolve) => setTimeout(resolve, 1_500));
  const ids = await Promise.all(Array.from({ length: EXECUTIONS }, () => submit(request, ada, workflowId)));
  await untilCalled(10);

  const child = startRotation(database.databaseUrl, dataDir);
  while ((await countUnder("k2")) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  child.kill("SIGKILL");
  await once(child, "close");
  const half = await countUnder("k2");
  assert.ok(half > 0 && half < OTHERS, `killed after ${half}`);
  const again = await runRotation(database.databaseUrl, dataDir);
  assert.equal(again.code, 0, again.out);
  assert.equal(await countUnder("k1"), 0);
  assert.ok(echo.requests.length < EXECUTIONS * CALLS.length, "executions were under way all the time");

  const retired = await runRotation(database.databaseUrl, dataDir, "--retire");
  assert.match(retired.out, /Retired: k1/);
  assert.doesNotMatch(readFileSync(keysFileIn(dataDir), "utf8"), /k1:.*k1:/);
  const made = await bed.create(ada, { name: "made after" });
  const { rows } = await admin.query("select key_id from credentials where id = $1", [made]);
  assert.equal(rows[0].key_id, "k2", "the api seals under the new key without a restart");

  echo.onRequest = async () => {};
  const ended = await Promise.all(ids.map((id) => untilEnded(request, ada, id, 120_000)));
  assert.deepEqual(
    ended.filter((execution) => execution.status !== "succeeded"),
    [],
  );
  for (const { headers } of echo.requests) assert.equal(headers.authorization, "Bearer t-0123456789");
});
