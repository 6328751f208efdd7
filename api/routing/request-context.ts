// What the log wants to know about a request, kept beside it and never inside it.
import type { IncomingMessage } from "node:http";

export type RequestContext = { requestId: string; route?: string; userId?: string };

const contexts = new WeakMap<IncomingMessage, RequestContext>();

export function openContext(request: IncomingMessage, requestId: string): RequestContext {
  const context: RequestContext = { requestId };
  contexts.set(request, context);
  return context;
}

/** The context of a request, an empty one for requests that never passed the front door. */
export function contextOf(request: IncomingMessage): RequestContext {
  return contexts.get(request) ?? openContext(request, "unknown");
}
