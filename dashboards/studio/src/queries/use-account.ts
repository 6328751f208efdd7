// My own account: password, second factor, and where I am signed in.
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type CallOptions, call } from "../api/client.ts";

export function changePassword(body: CallOptions<"PUT /auth/password">["body"]) {
  return call("PUT /auth/password", { body });
}

export function resetPassword(body: CallOptions<"POST /auth/reset">["body"]) {
  return call("POST /auth/reset", { body });
}

export function setUpTotp(password: string) {
  return call("POST /auth/mfa/setup", { body: { password } });
}

export function enableTotp(totp: string) {
  return call("POST /auth/mfa/enable", { body: { totp } });
}

export function disableTotp(body: CallOptions<"POST /auth/mfa/disable">["body"]) {
  return call("POST /auth/mfa/disable", { body });
}

export function useSessions() {
  return useInfiniteQuery({
    queryKey: ["sessions"],
    queryFn: ({ pageParam, signal }) =>
      call("GET /auth/sessions", { query: pageParam ? { cursor: pageParam } : {} }, { signal }),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
  });
}

/** Ends one session, or without an id all but this one. */
export function useEndSessions() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string | null) =>
      id === null
        ? call("DELETE /auth/sessions", {})
        : call("DELETE /auth/sessions/{id}", { params: { id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["sessions"] }),
  });
}
