// Many steps that ask at once share a commit, and each gets what belongs to its own workspace.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { AppError } from "#core/domain/app-error.ts";
import { HTTP_CREDENTIALS } from "#core/domain/credential-types.ts";
import { insertCredential } from "#core/persistence/credentials/credentials.ts";
import { createExecutionBed, type ExecutionBed } from "../test/support/executions.ts";
import { createCredentialGate } from "./credential-gate.ts";

type Person = { userId: string; workspaceId: string };

let bed: ExecutionBed;
let ada: Person;
let eve: Person;

before(async () => {
  bed = await createExecutionBed();
  [ada, eve] = [await bed.addPerson(), await bed.addPerson()];
});

after(async () => {
  await bed?.close();
});

async function addCredential(person: Person, allowedHosts: string[]): Promise<string> {
  const api = bed.open("atelier_api", 1);
  const sealed = { keyId: "k", wrappedKey: Buffer.from("w"), ciphertext: Buffer.from("c") };
  const id = uuidv7();
  const row = { id, workspaceId: person.workspaceId, ownerId: person.userId, name: id, type: "http.bearer" };
  await api.transaction({ userId: person.userId, workspaceIds: [person.workspaceId] }, (tx) =>
    insertCredential(tx, { ...row, sealed, allowedHosts }),
  );
  return id;
}

const asking = (person: Person, credentialId: string) => ({
  execution: { id: uuidv7(), ...person },
  credentialId,
  nodeId: "call",
  iteration: "3",
  attempt: 1,
  accepted: HTTP_CREDENTIALS,
  url: "https://api.example.com/",
  signal: new AbortController().signal,
});

test("S32: 100 uses at once are 100 entries in a few commits", async () => {
  const gate = createCredentialGate(bed.open("atelier_worker", 2));
  const [own, other] = [await addCredential(ada, ["api.example.com"]), await addCredential(eve, ["*"])];
  const requests = Array.from({ length: 50 }, () => [asking(ada, own), asking(eve, other)]).flat();
  const verdicts = await Promise.all(requests.map((request) => gate.admit(request)));
  assert.deepEqual(
    verdicts.map((verdict) => (verdict instanceof AppError ? verdict.code : verdict.id)),
    requests.map((request) => request.credentialId),
  );
  const { rows } = await bed.admin.query(`
    select count(*)::int entries, count(distinct xmin::text)::int commits, count(distinct chain_id)::int chains
    from audit_logs where action = 'credential.used'`);
  assert.equal(rows[0].entries, 100);
  assert.equal(rows[0].chains, 2);
  assert.ok(rows[0].commits <= 3, `${rows[0].commits} commits`);
});

test("A18: in one batch each sees its own workspace's credentials only, and one refused harms nobody", async () => {
  const gate = createCredentialGate(bed.open("atelier_worker", 2));
  const [own, unbound] = [await addCredential(ada, ["api.example.com"]), await addCredential(ada, [])];
  const verdicts = await Promise.all([
    gate.admit(asking(ada, own)),
    gate.admit(asking(eve, own)),
    gate.admit(asking(ada, unbound)),
    gate.admit(asking(ada, "no uuid")),
    gate.admit({ ...asking(ada, own), accepted: ["postgres"] }),
    gate.admit({ ...asking(ada, own), url: undefined }),
    gate.admit(asking(ada, own.toUpperCase())),
  ]);
  assert.deepEqual(
    verdicts.map((verdict) => (verdict instanceof AppError ? verdict.code : "admitted")),
    [
      "admitted",
      "credential_not_found",
      "credential_refused",
      "credential_not_found",
      "credential_refused",
      "credential_refused",
      "admitted",
    ],
  );
});

test("S32: a use stands in the log under the credential's one id, however a graph spells it", async () => {
  const gate = createCredentialGate(bed.open("atelier_worker", 2));
  const own = await addCredential(ada, ["api.example.com"]);
  await gate.admit(asking(ada, own.toUpperCase()));
  const { rows } = await bed.admin.query("select action from audit_logs where target_id = $1", [own]);
  assert.deepEqual(rows, [{ action: "credential.used" }]);
});
