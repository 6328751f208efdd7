// The Studio's start: session, cache, theme, router.
import "@mantine/core/styles.css";
import "./studio.css";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient, startOver } from "./queries/query-client.ts";
import { router } from "./router.tsx";
import { type SessionState, session } from "./session/session.ts";
import { styleNonce } from "./style-nonce.ts";
import { cssVariables, theme } from "./theme.ts";

session.open();
session.subscribe(() => void takeUp(session.state()));

/** The routes decide where to go first; what one person saw is gone before the next one looks. */
async function takeUp(state: SessionState): Promise<void> {
  if (state === "in") return;
  await router.invalidate();
  if (state === "unknown") await startOver();
  else queryClient.clear();
}

const root = document.querySelector("#root");
if (!root) throw new Error("the page has no #root");
createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      defaultColorScheme="auto"
      getStyleNonce={styleNonce}
    >
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
