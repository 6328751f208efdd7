// What every process tells Prometheus beside what its role does: which build it is, and how busy its connections are.
import { readFileSync } from "node:fs";
import { Gauge, Registry } from "prom-client";

/** What the connections of a pool are doing. */
export type ConnectionUse = { used: number; idle: number; waiting: number; max: number };

const PACKAGE = new URL("../../package.json", import.meta.url);

/** The version of this build, from package.json. */
export function readVersion(): string {
  return (JSON.parse(readFileSync(PACKAGE, "utf8")) as { version: string }).version;
}

/** A registry with `atelier_build_info` and, asked at every scrape, the use of the pool. */
export function createProcessRegistry(role: string, connections: () => ConnectionUse): Registry {
  const registry = new Registry();
  const build = new Gauge({
    name: "atelier_build_info",
    help: "Always 1; the labels say what runs here",
    labelNames: ["version", "node", "role"] as const,
    registers: [registry],
  });
  build.set({ version: readVersion(), node: process.version, role }, 1);
  registerConnections(registry, connections);
  return registry;
}

function registerConnections(registry: Registry, connections: () => ConnectionUse): void {
  new Gauge({
    name: "atelier_database_connections",
    help: "Connections of this process's pool, by what they do",
    labelNames: ["state"] as const,
    registers: [registry],
    collect() {
      const { used, idle } = connections();
      this.set({ state: "used" }, used);
      this.set({ state: "idle" }, idle);
    },
  });
  new Gauge({
    name: "atelier_database_connections_max",
    help: "As many connections as the pool may open",
    registers: [registry],
    collect() {
      this.set(connections().max);
    },
  });
  new Gauge({
    name: "atelier_database_waiting_callers",
    help: "Callers that wait for a connection of the pool",
    registers: [registry],
    collect() {
      this.set(connections().waiting);
    },
  });
}
