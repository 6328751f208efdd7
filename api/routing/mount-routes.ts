// Puts routes on an Express router: policy first, then the strict reading of the request, then the handler.
import { type Request, type RequestHandler, type Response, Router } from "express";
import { z } from "zod";
import { AppError } from "#core/domain/app-error.ts";
import { type Actor, authorizeRoute } from "#core/domain/roles.ts";
import {
  createBodyReader,
  DEFAULT_BODY_BYTES,
  readBody,
  readParams,
  readQuery,
  validate,
} from "./read-input.ts";
import { contextOf } from "./request-context.ts";
import type { CountedAttempt, Route } from "./route.ts";
import { sendReply } from "./send-reply.ts";

/** Resolves to the verified person or throws `unauthenticated`. */
export type Authenticate = (request: Request, response: Response) => Promise<Actor>;

/** Runs `work` unless the attempt is one too many. */
export type LimitAttempt = <Result>(
  request: Request,
  attempt: CountedAttempt,
  work: () => Promise<Result>,
) => Promise<Result>;

const NOTHING = z.strictObject({});

/**
 * Routes in order of precision (`/workflows/validate` before `/workflows/:id`); other methods answer 405. They hang on a
 * router per beginning: asking all paths in turn was a twentieth of what a submission costs this process.
 */
export function mountRoutes(
  routes: readonly Route[],
  authenticate: Authenticate,
  limitAttempt: LimitAttempt,
): RequestHandler {
  const routers = new Map<string, Router>();
  const byPath = Map.groupBy([...routes].sort(compareRoutes), (route) => route.path);
  for (const [path, siblings] of byPath) {
    const beginning = beginningsOf(path).find((name) => !name.includes(":")) ?? "";
    const router = routers.get(beginning) ?? Router({ caseSensitive: true });
    routers.set(beginning, router);
    for (const route of siblings) router[route.method](path, handlerOf(route, authenticate, limitAttempt));
    const allow = allowedMethods(siblings).join(", ");
    router.all(path, (request) => {
      contextOf(request).route = path;
      throw new AppError("method_not_allowed", `Use ${allow} here`, { details: { allow } });
    });
  }
  const dispatch: RequestHandler = (request, response, next) => {
    const found = beginningsOf(request.path).flatMap((name) => routers.get(name) ?? []);
    const ask = (index: number) => (error?: unknown) => {
      const router = found[index];
      if (error !== undefined || !router) next(error);
      else router(request, response, ask(index + 1));
    };
    ask(0)();
  };
  // As a router has it: whoever lists what is mounted finds all of it here.
  return Object.assign(dispatch, { stack: [...routers.values()].flatMap(({ stack }) => stack) });
}

/** Its first two segments, its first one, nothing: where routes to it may hang, the most precise first. */
function beginningsOf(path: string): string[] {
  const [, first = "", second = ""] = path.split("/", 3);
  return [`/${first}/${second}`, `/${first}`, ""];
}

function handlerOf(route: Route, authenticate: Authenticate, limitAttempt: LimitAttempt) {
  const reader = createBodyReader(route.bodyLimitBytes ?? DEFAULT_BODY_BYTES);
  return async (request: Request, response: Response): Promise<void> => {
    const context = contextOf(request);
    context.route = route.path;
    const actor = route.action === "public" ? null : await authenticate(request, response);
    if (actor) context.userId = actor.userId;
    if (actor && route.action !== "public") authorizeRoute(actor, route.action);
    const params = readParams(route.params, request.params);
    const query = validate(route.query ?? NOTHING, readQuery(request.originalUrl), "query");
    const body = await bodyOf(route, request, response, reader);
    // The type of `actor` depends on `action`, which defineRoute has tied together.
    const input = { params, query, body, actor: actor as Actor, request, response };
    const attempt = route.limit?.(input);
    const work = () => route.handle(input);
    const reply = attempt ? await limitAttempt(request, attempt, work) : await work();
    if (reply !== "handled") sendReply(response, reply);
  };
}

async function bodyOf(
  route: Route,
  request: Request,
  response: Response,
  reader: ReturnType<typeof createBodyReader>,
): Promise<unknown> {
  if (route.rawBody || route.method === "get") return undefined;
  const body = await readBody(request, response, reader);
  // Strategies and handlers find the checked value here, never the bytes.
  request.body = body;
  return validate(route.body ?? NOTHING.optional(), body, "body");
}

function allowedMethods(routes: readonly Route[]): string[] {
  return routes.flatMap((route) => (route.method === "get" ? ["GET", "HEAD"] : [route.method.toUpperCase()]));
}

/** Fixed segments before parameters, position by position. */
function compareRoutes(a: Route, b: Route): number {
  return precisionOf(a.path).localeCompare(precisionOf(b.path));
}

function precisionOf(path: string): string {
  return path
    .split("/")
    .map((segment) => (segment.startsWith(":") ? "1" : "0"))
    .join("");
}
