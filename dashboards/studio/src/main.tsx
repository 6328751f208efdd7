// The Studio's start: session, cache, theme, router.
import "@mantine/core/styles.css";
import "./studio.css";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./queries/query-client.ts";
import { router } from "./router.tsx";
import { session } from "./session/session.ts";
import { styleNonce } from "./style-nonce.ts";
import { cssVariables, theme } from "./theme.ts";

session.open();
// What one person saw is gone before the next one looks; the routes then decide where to go.
session.subscribe(() => {
  if (session.state() === "in") return;
  queryClient.clear();
  void router.invalidate();
});

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
