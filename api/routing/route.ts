// A route as data: what it is called, who may call it, what goes in and out, and the function that does it.
import type { Readable } from "node:stream";
import type { Request, Response } from "express";
import { z } from "zod";
import type { LimitName } from "#core/domain/attempt-limits.ts";
import type { Actor, RouteAction } from "#core/domain/roles.ts";

export type Method = "get" | "post" | "put" | "patch" | "delete";

/** A JSON answer; with a `content-type` header of its own a text or Buffer body goes out as it is. */
export type Reply = {
  status: number;
  headers?: Readonly<Record<string, string>>;
  body?: unknown;
  /** Sent instead of `body`; give `content-type` in `headers`. */
  stream?: Readable;
};

/** `actor` is null on public routes and always a verified person on the others. */
export type RouteInput<
  Params = undefined,
  Query = undefined,
  Body = undefined,
  Action extends RouteAction | "public" = RouteAction,
> = {
  params: Params;
  query: Query;
  body: Body;
  actor: Action extends "public" ? null : Actor;
  request: Request;
  response: Response;
};

/** Which limit a request counts against, and the account it tries where somebody else's may be tried. */
export type CountedAttempt = { name: LimitName; account?: string };

export type ReplyDescription = { description: string; schema?: z.ZodType; contentType?: string };

export type RouteDefinition<Action extends RouteAction | "public", Params, Query, Body> = {
  method: Method;
  /** Express path with named parameters: `/api/workflows/:id`. */
  path: `/${string}`;
  summary: string;
  tag: string;
  /** The policy; a route without one does not compile. */
  action: Action;
  /** Values that do not match answer 404: such an object cannot exist. */
  params?: z.ZodType<Params>;
  /** Request headers the route reads, each with what it means: for the document, `handle` checks them. */
  headers?: Readonly<Record<string, string>>;
  /** A strict object; its values arrive as strings. */
  query?: z.ZodType<Query>;
  /** A strict object; wrap it in `.optional()` where the body may be missing. */
  body?: z.ZodType<Body>;
  /** Default 2 MB. */
  bodyLimitBytes?: number;
  /** Nothing is read or parsed: `handle` reads the stream `request` itself. */
  rawBody?: boolean;
  /** What can be guessed here, or costs much: the attempt is counted before `handle`, see core/domain/attempt-limits.ts. */
  limit?(input: RouteInput<Params, Query, Body, Action>): CountedAttempt | undefined;
  /** Problem replies (4xx, 5xx) common to all routes are added by the OpenAPI document. */
  replies: Readonly<Record<number, ReplyDescription>>;
  /** Answers, or returns "handled" when it wrote to `response` itself. Rejections become problem details. */
  handle(input: RouteInput<Params, Query, Body, Action>): Promise<Reply | "handled">;
};

/** Any route, its types forgotten: what the app mounts and the OpenAPI document describes. */
export type Route = RouteDefinition<RouteAction | "public", unknown, unknown, unknown>;

/** Types a route. Throws when the query or body schema would let unknown fields pass. */
export function defineRoute<
  const Action extends RouteAction | "public",
  Params = undefined,
  Query = undefined,
  Body = undefined,
>(definition: RouteDefinition<Action, Params, Query, Body>): Route {
  for (const part of ["query", "body"] as const) {
    if (letsUnknownPass(definition[part])) {
      throw new Error(`${definition.method} ${definition.path}: make the ${part} schema a z.strictObject`);
    }
  }
  return definition as Route;
}

function letsUnknownPass(schema: unknown): boolean {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return letsUnknownPass(schema.unwrap());
  return schema instanceof z.ZodObject && !(schema.def.catchall instanceof z.ZodNever);
}
