// /api/webhooks: make, list, read, change, rotate, delete, and what came in.
import { shownDeliveryId } from "#core/domain/webhooks/delivery-id.ts";
import type { WebhookService } from "#core/services/webhooks/webhooks.ts";
import { pageOf } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { readIdCursor, replyPage, toPage } from "./id-page.ts";
import {
  createWebhookBody,
  deliverySchema,
  listDeliveriesQuery,
  listWebhooksQuery,
  madeWebhookSchema,
  rotatedWebhookSchema,
  rotateWebhookBody,
  updateWebhookBody,
  webhookSchema,
} from "./webhook-schemas.ts";

export type WebhookRouteDependencies = { webhooks: WebhookService; publicUrl: string };

export function createWebhookRoutes({ webhooks, publicUrl }: WebhookRouteDependencies): Route[] {
  return [
    ...createCollectionRoutes(webhooks, publicUrl),
    ...createItemRoutes(webhooks),
    createRotateRoute(webhooks),
    createDeliveriesRoute(webhooks),
  ];
}

function createCollectionRoutes(webhooks: WebhookService, publicUrl: string): Route[] {
  return [
    defineRoute({
      method: "post",
      path: "/api/webhooks",
      summary: "Create a webhook for a workflow; its token and secret are shown this once",
      tag: "Webhooks",
      action: "webhook:write",
      body: createWebhookBody,
      replies: { 201: { description: "The webhook with its address", schema: madeWebhookSchema } },
      async handle({ actor, body }) {
        const made = await webhooks.create(actor, body);
        const url = new URL(`/hooks/${made.token}`, publicUrl).href;
        return { status: 201, headers: { location: `/api/webhooks/${made.id}` }, body: { ...made, url } };
      },
    }),
    defineRoute({
      method: "get",
      path: "/api/webhooks",
      summary: "List webhooks, newest first",
      tag: "Webhooks",
      action: "webhook:read",
      query: listWebhooksQuery,
      replies: { 200: { description: "A page of webhooks", schema: pageOf(webhookSchema) } },
      handle: ({ actor, query: { limit, cursor, ...filter } }) =>
        replyPage({ limit, cursor }, (page) => webhooks.list(actor, { ...filter, ...page })),
    }),
  ];
}

function createItemRoutes(webhooks: WebhookService): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/webhooks/:id",
      summary: "Read a webhook, without token and secret",
      tag: "Webhooks",
      action: "webhook:read",
      params: idParams,
      replies: { 200: { description: "The webhook", schema: webhookSchema } },
      handle: async ({ actor, params }) => ({ status: 200, body: await webhooks.get(actor, params.id) }),
    }),
    defineRoute({
      method: "patch",
      path: "/api/webhooks/:id",
      summary: "Rename a webhook, let it start elsewhere, switch it off or on",
      tag: "Webhooks",
      action: "webhook:write",
      params: idParams,
      body: updateWebhookBody,
      replies: { 200: { description: "The webhook as it is now", schema: webhookSchema } },
      handle: async ({ actor, params, body }) => ({
        status: 200,
        body: await webhooks.update(actor, params.id, body),
      }),
    }),
    defineRoute({
      method: "delete",
      path: "/api/webhooks/:id",
      summary:
        "Delete a webhook; its address is dead at once, and what is known of its deliveries out of sight",
      tag: "Webhooks",
      action: "webhook:write",
      params: idParams,
      replies: { 204: { description: "Deleted" } },
      async handle({ actor, params }) {
        await webhooks.remove(actor, params.id);
        return { status: 204 };
      },
    }),
  ];
}

function createRotateRoute(webhooks: WebhookService): Route {
  return defineRoute({
    method: "post",
    path: "/api/webhooks/:id/rotate",
    summary: "Give a webhook a new secret; the one so far stays good for a while",
    tag: "Webhooks",
    action: "webhook:write",
    params: idParams,
    body: rotateWebhookBody,
    replies: { 200: { description: "The webhook with its new secret", schema: rotatedWebhookSchema } },
    handle: async ({ actor, params, body }) => ({
      status: 200,
      body: await webhooks.rotate(actor, params.id, body),
    }),
  });
}

function createDeliveriesRoute(webhooks: WebhookService): Route {
  return defineRoute({
    method: "get",
    path: "/api/webhooks/:id/deliveries",
    summary: "List what came in, newest first: what ran, and what was refused and why",
    tag: "Webhooks",
    action: "webhook:read",
    params: idParams,
    query: listDeliveriesQuery,
    replies: { 200: { description: "A page of deliveries", schema: pageOf(deliverySchema) } },
    async handle({ actor, params, query: { limit, cursor } }) {
      const page = { before: readIdCursor(cursor), limit: limit + 1 };
      const rows = await webhooks.deliveries(actor, params.id, page);
      const { items, nextCursor } = toPage(rows, limit, (row) => row.id);
      const shown = items.map((row) => ({ ...row, deliveryId: shownDeliveryId(row.deliveryId) }));
      return { status: 200, body: { items: shown, nextCursor } };
    },
  });
}
