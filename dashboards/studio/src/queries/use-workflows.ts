// Workflows: one page after the other, and one with its graph.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { call, type Reply } from "../api/client.ts";

export type Workflow = Reply<"GET /api/workflows/{id}">;

/** Of every workspace without an id. `enabled` is false as long as it is not known which one is meant. */
export function useWorkflows(workspaceId: string | undefined, enabled = true) {
  return useInfiniteQuery({
    enabled,
    queryKey: ["workflows", { workspaceId }],
    queryFn: ({ pageParam, signal }) =>
      call(
        "GET /api/workflows",
        { query: { ...(workspaceId && { workspaceId }), ...(pageParam && { cursor: pageParam }) } },
        { signal },
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
  });
}

export function useWorkflow(id: string) {
  return useQuery({
    queryKey: ["workflow", id],
    queryFn: ({ signal }) => call("GET /api/workflows/{id}", { params: { id } }, { signal }),
  });
}
