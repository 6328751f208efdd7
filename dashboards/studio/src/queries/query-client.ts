// The cache of what the server told, and when to ask it again.
import { QueryClient } from "@tanstack/react-query";
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
