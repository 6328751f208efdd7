// /api/credentials: create, list, read, change, delete and test; secrets go in and never come out.
import type { CredentialService } from "#core/services/credentials/credentials.ts";
import type { TestCredential } from "#core/services/credentials/test-credential.ts";
import { pageOf } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import {
  createCredentialBody,
  credentialSchema,
  credentialTestSchema,
  deleteCredentialQuery,
  listCredentialsQuery,
  testCredentialBody,
  updateCredentialBody,
} from "./credential-schemas.ts";
import { replyPage } from "./id-page.ts";
import { preferHeader, readPreferredWait } from "./submit-headers.ts";

export type CredentialRouteDependencies = { credentials: CredentialService; testCredential: TestCredential };

/** Somebody waits in front of a form. */
const DEFAULT_WAIT_MS = 10_000;

export function createCredentialRoutes({
  credentials,
  testCredential,
}: CredentialRouteDependencies): Route[] {
  return [
    ...createCollectionRoutes(credentials),
    ...createItemRoutes(credentials),
    createTestRoute(testCredential),
  ];
}

function createCollectionRoutes(credentials: CredentialService): Route[] {
  return [
    defineRoute({
      method: "post",
      path: "/api/credentials",
      summary: "Create a credential",
      tag: "Credentials",
      action: "credential:write",
      body: createCredentialBody,
      replies: { 201: { description: "The credential, without its data", schema: credentialSchema } },
      async handle({ actor, body }) {
        const credential = await credentials.create(actor, body);
        return { status: 201, headers: { location: `/api/credentials/${credential.id}` }, body: credential };
      },
    }),
    defineRoute({
      method: "get",
      path: "/api/credentials",
      summary: "List credentials, newest first, without their data",
      tag: "Credentials",
      action: "credential:read",
      query: listCredentialsQuery,
      replies: { 200: { description: "A page of credentials", schema: pageOf(credentialSchema) } },
      handle: ({ actor, query: { limit, cursor, ...filter } }) =>
        replyPage({ limit, cursor }, (page) => credentials.list(actor, { ...filter, ...page })),
    }),
  ];
}

function createItemRoutes(credentials: CredentialService): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/credentials/:id",
      summary: "Read a credential, without its data",
      tag: "Credentials",
      action: "credential:read",
      params: idParams,
      replies: { 200: { description: "The credential", schema: credentialSchema } },
      handle: async ({ actor, params }) => ({ status: 200, body: await credentials.get(actor, params.id) }),
    }),
    defineRoute({
      method: "patch",
      path: "/api/credentials/:id",
      summary: "Change a credential; data replaces all of its data, the type stays",
      tag: "Credentials",
      action: "credential:write",
      params: idParams,
      body: updateCredentialBody,
      replies: { 200: { description: "The credential as it is now", schema: credentialSchema } },
      async handle({ actor, params, body }) {
        return { status: 200, body: await credentials.update(actor, params.id, body) };
      },
    }),
    defineRoute({
      method: "delete",
      path: "/api/credentials/:id",
      summary: "Delete a credential; refused while a workflow uses it, unless forced",
      tag: "Credentials",
      action: "credential:write",
      params: idParams,
      query: deleteCredentialQuery,
      replies: { 204: { description: "Deleted" } },
      async handle({ actor, params, query }) {
        await credentials.remove(actor, params.id, { force: query.force === "true" });
        return { status: 204 };
      },
    }),
  ];
}

function createTestRoute(testCredential: TestCredential): Route {
  return defineRoute({
    method: "post",
    path: "/api/credentials/:id/test",
    summary: "Send a GET with the credential, as an execution of its own",
    tag: "Credentials",
    action: "credential:test",
    params: idParams,
    headers: preferHeader,
    body: testCredentialBody,
    replies: {
      200: { description: "How it went", schema: credentialTestSchema },
      202: { description: "It has not ended in time; follow the execution", schema: credentialTestSchema },
    },
    async handle({ actor, params, body, request }) {
      const waitMs = request.get("prefer") === undefined ? DEFAULT_WAIT_MS : readPreferredWait(request);
      const result = await testCredential(actor, params.id, { url: body?.url, waitMs });
      const headers = { location: `/api/executions/${result.executionId}` };
      return { status: result.ok === undefined ? 202 : 200, headers, body: result };
    },
  });
}
