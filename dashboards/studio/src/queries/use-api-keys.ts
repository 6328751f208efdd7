// The keys that programs sign in with in my name.
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type CallOptions, call, type Reply } from "../api/client.ts";

export type ApiKey = Reply<"GET /auth/api-keys">["items"][number];
export type NewApiKey = CallOptions<"POST /auth/api-keys">["body"];

export function useApiKeys() {
  return useInfiniteQuery({
    queryKey: ["api-keys"],
    queryFn: ({ pageParam, signal }) =>
      call("GET /auth/api-keys", { query: pageParam ? { cursor: pageParam } : {} }, { signal }),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
  });
}

export function createApiKey(body: NewApiKey) {
  return call("POST /auth/api-keys", { body });
}

export function useRevokeApiKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => call("DELETE /auth/api-keys/{id}", { params: { id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["api-keys"] }),
  });
}
