// How the Studio is built and, while it is worked on, served next to a running api.
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const api = "http://127.0.0.1:3000";
const paths = ["/api", "/auth", "/queues", "/docs", "/openapi.json"];

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  plugins: [react()],
  // The api puts a fresh one in its place with every answer; Mantine's style elements carry it.
  html: { cspNonce: "STUDIO_NONCE" },
  build: {
    target: "es2023",
    emptyOutDir: true,
    // No data: addresses in scripts and styles, which the content security policy would refuse for fonts.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  server: {
    port: 5173,
    // The api checks where a call comes from by its Host, which therefore stays as the browser sent it.
    proxy: Object.fromEntries(paths.map((path) => [path, { target: api, changeOrigin: false }])),
  },
});
