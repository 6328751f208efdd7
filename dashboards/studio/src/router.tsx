// Addresses and the screens behind them; each screen is a file of its own that is loaded when it is first needed.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { GuestFrame } from "./parts/guest-frame.tsx";
import { FailedScreen, MissingScreen, WaitingScreen } from "./parts/stand-in-screens.tsx";
import { session } from "./session/session.ts";

const root = createRootRoute({ notFoundComponent: MissingScreen });

const guest = createRoute({ getParentRoute: () => root, id: "guest", component: GuestFrame });
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  async beforeLoad({ location }) {
    if ((await session.token()) === null) throw redirect({ to: "/login", search: { next: location.href } });
  },
  component: lazyRouteComponent(() => import("./parts/shell.tsx"), "Shell"),
});

type Next = { next?: string | undefined };

/** Only our own addresses: `//elsewhere` would lead out. Undefined, not absent, or the router keeps what was given. */
function readNext({ next }: Record<string, unknown>): Next {
  return { next: typeof next === "string" && /^\/(?![/\\])/.test(next) ? next : undefined };
}

/** Who is signed in already goes on to where they wanted to go. */
async function passOn(asked: { search: Next; location: { hash: string } }): Promise<void> {
  const token = await session.token().catch(() => null);
  if (token === null) return;
  const { hash } = asked.location;
  throw redirect({ href: hash === "" ? (asked.search.next ?? "/workflows") : `/invite#${hash}` });
}

const guests = [
  createRoute({
    getParentRoute: () => guest,
    path: "/login",
    validateSearch: readNext,
    beforeLoad: passOn,
    component: lazyRouteComponent(() => import("./screens/login-screen.tsx"), "LoginScreen"),
  }),
  createRoute({
    getParentRoute: () => guest,
    path: "/signup",
    validateSearch: readNext,
    beforeLoad: passOn,
    component: lazyRouteComponent(() => import("./screens/sign-up-screen.tsx"), "SignUpScreen"),
  }),
  createRoute({
    getParentRoute: () => guest,
    path: "/invite",
    component: lazyRouteComponent(() => import("./screens/invite-screen.tsx"), "InviteScreen"),
  }),
  createRoute({
    getParentRoute: () => guest,
    path: "/reset",
    component: lazyRouteComponent(() => import("./screens/reset-screen.tsx"), "ResetScreen"),
  }),
];

const insiders = [
  createRoute({
    getParentRoute: () => inside,
    path: "/",
    beforeLoad() {
      throw redirect({ to: "/workflows" });
    },
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/workflows",
    component: lazyRouteComponent(() => import("./screens/workflows-screen.tsx"), "WorkflowsScreen"),
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/workflows/$id",
    component: lazyRouteComponent(() => import("./screens/workflow-screen.tsx"), "WorkflowScreen"),
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/executions",
    validateSearch: readFilter,
    component: lazyRouteComponent(() => import("./screens/executions-screen.tsx"), "ExecutionsScreen"),
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/executions/$id",
    component: lazyRouteComponent(() => import("./screens/execution-screen.tsx"), "ExecutionScreen"),
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/approvals",
    component: lazyRouteComponent(() => import("./screens/approvals-screen.tsx"), "ApprovalsScreen"),
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/account",
    component: lazyRouteComponent(() => import("./screens/account-screen.tsx"), "AccountScreen"),
  }),
];

function readFilter({ workflowId, status }: Record<string, unknown>): {
  workflowId?: string;
  status?: string;
} {
  return {
    ...(typeof workflowId === "string" && { workflowId }),
    ...(typeof status === "string" && { status }),
  };
}

export const router = createRouter({
  routeTree: root.addChildren([guest.addChildren(guests), inside.addChildren(insiders)]),
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultPendingComponent: WaitingScreen,
  defaultErrorComponent: FailedScreen,
  defaultNotFoundComponent: MissingScreen,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
