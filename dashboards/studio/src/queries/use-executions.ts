// Executions: the list, one of them, and what can be asked of it.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../api/client.ts";
import type { ExecutionStatus } from "../api/follow-execution.ts";

export type ExecutionFilter = { workflowId?: string; status?: ExecutionStatus };

export function useExecutions(filter: ExecutionFilter) {
  return useInfiniteQuery({
    queryKey: ["executions", filter],
    queryFn: ({ pageParam, signal }) =>
      call(
        "GET /api/executions",
        { query: { ...filter, ...(pageParam && { cursor: pageParam }) } },
        { signal },
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
  });
}

export function useExecution(id: string) {
  return useQuery({
    queryKey: ["execution", id],
    queryFn: ({ signal }) => call("GET /api/executions/{id}", { params: { id } }, { signal }),
  });
}

export function useRun(workflowId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: unknown) =>
      call("POST /api/workflows/{id}/executions", { params: { id: workflowId }, body: { input } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["executions"] }),
  });
}

export function useCancel(id: string) {
  return useMutation({
    mutationFn: () => call("POST /api/executions/{id}/cancel", { params: { id } }),
  });
}

export function useRetry(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => call("POST /api/executions/{id}/retry", { params: { id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["executions"] }),
  });
}
