// The cache of what the server told, and when to ask it again.
import { notifyManager, QueryClient } from "@tanstack/react-query";
import { problemOf } from "../api/problem.ts";

const FRESH_MS = 5_000;
const TRIES = 2;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: FRESH_MS,
      // What the client did wrong stays wrong; what the network did may pass.
      retry(failures, error) {
        const { status } = problemOf(error);
        return failures < TRIES && (status === 0 || status >= 500);
      },
    },
  },
});

/**
 * Somebody else may be looking now: what was told is gone at once, and what the screens show is asked for again. Who it
 * is comes first, because the other questions name a workspace, which may have been the last person's.
 */
export async function startOver(): Promise<void> {
  notifyManager.batch(() => {
    for (const query of queryClient.getQueryCache().getAll()) query.reset();
  });
  await queryClient.refetchQueries({ type: "active", queryKey: ["me"] });
  await queryClient.refetchQueries({
    type: "active",
    predicate: ({ state }) => state.data === undefined && state.fetchStatus === "idle",
  });
}
