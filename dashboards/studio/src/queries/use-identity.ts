// Who I am, and the ways in and out.
import { useMutation, useQuery } from "@tanstack/react-query";
import { type CallOptions, call } from "../api/client.ts";
import { session } from "../session/session.ts";

type RegisterBody = CallOptions<"POST /auth/register">["body"];
type LoginBody = CallOptions<"POST /auth/login">["body"];

export function useMe() {
  return useQuery({ queryKey: ["me"], queryFn: ({ signal }) => call("GET /auth/me", {}, { signal }) });
}

export function useSignedIn() {
  return useQuery({
    queryKey: ["signed-in"],
    queryFn: async () => (await session.token()) !== null,
    // Who comes back from signing in is somebody else than who left.
    gcTime: 0,
  });
}

export async function register({
  setupToken,
  ...body
}: RegisterBody & { setupToken?: string }): Promise<void> {
  const headers = setupToken ? { "x-setup-token": setupToken } : {};
  session.begin(await call("POST /auth/register", { body }, { headers }));
}

export async function login(body: LoginBody): Promise<void> {
  session.begin(await call("POST /auth/login", { body }));
}

export function useLogout() {
  return useMutation({
    mutationFn: () => call("POST /auth/logout", {}),
    onSuccess: () => session.end(),
  });
}

/** Sets the cookie of the queue dashboard and opens it in this tab. */
export function useOpenQueues() {
  return useMutation({
    mutationFn: (write: boolean) => call("POST /auth/queues-session", { body: { write } }),
    onSuccess: ({ url }) => window.location.assign(url),
  });
}
