// Api and worker with an echo server outside and two people inside; what the credential tests share.
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type EchoServer, startEchoServer } from "../support/echo-server.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { chain, createWorkflow, type ExecutionView, submit, untilEnded } from "../support/workflows.ts";

export type CredentialBed = {
  database: TestDatabase;
  platform: Platform;
  echo: EchoServer;
  request: Request;
  /** The instance's admin. */
  root: Person;
  ada: Person;
  /** Its id. The echo server is its one host unless told otherwise. */
  create(person: Person, given?: Record<string, unknown>): Promise<string>;
  /** One http.request with this credential, saved as a workflow; its id. */
  save(person: Person, credentialId: string, config: Record<string, unknown>): Promise<string>;
  /** The same, run to its end. */
  run(person: Person, credentialId: string, config: Record<string, unknown>): Promise<ExecutionView>;
  start(person: Person, workflowId: string, input?: unknown): Promise<ExecutionView>;
  close(): Promise<void>;
};

export type BedOptions = {
  environment?: Readonly<Record<string, string>>;
  /** More host:port pairs that nodes may reach. */
  reach?: readonly string[];
  vaultValue?: string;
};

export async function createCredentialBed(options: BedOptions = {}): Promise<CredentialBed> {
  const database = await createTestDatabase();
  const echo = await startEchoServer(options.vaultValue);
  const platform = await createPlatform({
    DATABASE_URL: database.databaseUrl,
    ALLOW_PRIVATE_EGRESS: [echo.address, ...(options.reach ?? [])].join(","),
    ...options.environment,
  });
  await Promise.all([platform.start("api"), platform.start("worker")]);
  const request = createClient(platform.url);
  const root = await registerPerson(request);
  const ada = await registerPerson(request);
  let count = 0;

  const save: CredentialBed["save"] = (person, credentialId, config) => {
    const data = { credentials: { auth: credentialId } };
    return createWorkflow(request, person, chain({ id: "call", type: "http.request", config, data }));
  };
  const start: CredentialBed["start"] = async (person, workflowId, input = {}) =>
    untilEnded(request, person, await submit(request, person, workflowId, { input }));
  return {
    database,
    platform,
    echo,
    request,
    root,
    ada,
    async create(person, given = {}) {
      const body = {
        name: `credential ${++count}`,
        type: "http.bearer",
        data: { token: "t-0123456789" },
        allowedHosts: [echo.address],
        ...given,
      };
      const reply = await request<{ id: string }>("POST", "/api/credentials", { token: person.token, body });
      if (reply.status !== 201) throw new Error(`creating the credential answered ${reply.text}`);
      return reply.body.id;
    },
    save,
    start,
    run: async (person, credentialId, config) => start(person, await save(person, credentialId, config)),
    async close() {
      await platform.close();
      await echo.close();
      await database.drop();
    },
  };
}
