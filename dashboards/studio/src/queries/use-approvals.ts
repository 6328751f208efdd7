// What people are asked, and what they say to it.
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type CallOptions, call, type Reply } from "../api/client.ts";

export type Approval = Reply<"GET /api/approvals">["items"][number];
export type Word = CallOptions<"POST /api/approvals/{id}">["body"];

const LOOK_MS = 15_000;

/** `mine`: only what I may decide now. */
export function useApprovals(mine: boolean) {
  return useInfiniteQuery({
    queryKey: ["approvals", mine],
    queryFn: ({ pageParam, signal }) => {
      const query = { ...(mine && { mine: "true" as const }), ...(pageParam && { cursor: pageParam }) };
      return call("GET /api/approvals", { query }, { signal });
    },
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: LOOK_MS,
  });
}

export function useDecide(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Word) => call("POST /api/approvals/{id}", { params: { id }, body }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["approvals"] }),
  });
}
