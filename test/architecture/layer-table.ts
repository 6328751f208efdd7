// The layer table of the house as data: which room may import which. It doubles as documentation.

export type Room = {
  name: string;
  /** Paths that belong to it; the first room that fits has the file. */
  files: RegExp;
  mayImport: readonly string[];
  /** Files of it that may import more: the ones that put things together. */
  builders?: { files: RegExp; mayImport: readonly string[] };
};

const PROCESS = ["core/config", "core/logger", "core/shutdown"] as const;
const EVERYTHING_IN_CORE = [
  ...PROCESS,
  "core/health-server",
  "core/telemetry",
  "core/domain",
  "core/nodes/definitions",
  "core/nodes",
  "core/engine",
  "core/expression",
  "core/sandbox",
  "core/script",
  "core/persistence",
  "core/queue",
  "core/crypto",
  "core/egress",
  "core/mail",
  "core/services",
];
const APP = [
  ...PROCESS,
  "core/domain",
  "core/services",
  "core/queue",
  "core/crypto",
  "core/nodes/definitions",
  "core/telemetry",
];
/** main.ts, and what it calls to build things. */
const BUILDERS = /\/(main|build-[a-z-]+)\.ts$/;

export const ROOMS: readonly Room[] = [
  {
    name: "api",
    files: /^api\//,
    mayImport: APP,
    builders: {
      files: BUILDERS,
      mayImport: ["core/persistence", "core/mail", "core/script", "dashboards/queues"],
    },
  },
  {
    name: "scheduler",
    files: /^scheduler\//,
    mayImport: [...APP, "core/health-server"],
    builders: { files: BUILDERS, mayImport: ["core/persistence"] },
  },
  { name: "worker", files: /^worker\//, mayImport: EVERYTHING_IN_CORE },
  { name: "migrations", files: /^migrations\//, mayImport: ["core/config", "core/logger", "core/domain"] },
  {
    name: "dashboards/queues",
    files: /^dashboards\/queues\//,
    mayImport: ["core/config", "core/queue", "core/domain"],
  },
  { name: "dashboards/studio", files: /^dashboards\/studio\//, mayImport: [] },
  {
    name: "scripts",
    files: /^scripts\//,
    mayImport: [
      ...EVERYTHING_IN_CORE,
      "core/role-memory",
      "api",
      "worker",
      "scheduler",
      "migrations",
      "test",
    ],
  },
  { name: "test", files: /^test\//, mayImport: [] },

  { name: "core/domain", files: /^core\/domain\//, mayImport: [] },
  // What the api may know of the nodes: their descriptions, without the code that runs them.
  {
    name: "core/nodes/definitions",
    files: /^core\/nodes\/((definitions|describe-node-types|check-config)\.ts|[^/]+\/definition\.ts)$/,
    mayImport: ["core/domain"],
  },
  {
    name: "core/nodes",
    files: /^core\/nodes\//,
    mayImport: ["core/domain", "core/egress", "core/nodes/definitions"],
  },
  {
    name: "core/engine",
    files: /^core\/engine\//,
    mayImport: ["core/domain", "core/nodes", "core/nodes/definitions", "core/expression", "core/sandbox"],
  },
  { name: "core/expression", files: /^core\/expression\//, mayImport: ["core/domain", "core/sandbox"] },
  // Processes that may be killed at any moment, for whatever people wrote: expressions and scripts.
  { name: "core/sandbox", files: /^core\/sandbox\//, mayImport: ["core/domain"] },
  { name: "core/script", files: /^core\/script\//, mayImport: ["core/domain", "core/sandbox"] },
  { name: "core/persistence", files: /^core\/persistence\//, mayImport: ["core/domain"] },
  { name: "core/queue", files: /^core\/queue\//, mayImport: ["core/domain"] },
  { name: "core/crypto", files: /^core\/crypto\//, mayImport: ["core/domain"] },
  { name: "core/mail", files: /^core\/mail\//, mayImport: ["core/domain"] },
  { name: "core/egress", files: /^core\/egress\//, mayImport: ["core/domain"] },
  {
    name: "core/services",
    files: /^core\/services\//,
    mayImport: [
      "core/domain",
      "core/persistence",
      "core/queue",
      "core/crypto",
      "core/expression",
      "core/script",
      "core/nodes/definitions",
    ],
  },
  // Metrics and traces; nothing else knows the libraries for them.
  { name: "core/telemetry", files: /^core\/telemetry\//, mayImport: ["core/domain"] },
  { name: "core/config", files: /^core\/config(\.test)?\.ts$/, mayImport: ["core/domain"] },
  { name: "core/logger", files: /^core\/logger(\.test)?\.ts$/, mayImport: [] },
  {
    name: "core/shutdown",
    files: /^core\/shutdown(\.test)?\.ts$/,
    mayImport: ["core/logger", "core/role-memory"],
  },
  { name: "core/role-memory", files: /^core\/role-memory(\.test)?\.ts$/, mayImport: [] },
  { name: "core/health-server", files: /^core\/health-server(\.test)?\.ts$/, mayImport: [] },
];

/** Packages that belong to certain rooms; the rest (zod, uuid) may be used anywhere but in the Studio. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  express: ["api", "dashboards/queues"],
  helmet: ["api"],
  cookie: ["api"],
  passport: ["api"],
  "passport-local": ["api"],
  "@bull-board/api": ["dashboards/queues"],
  "@bull-board/express": ["dashboards/queues"],
  bullmq: ["core/queue", "migrations", "scripts"],
  // Beside the queue, Redis holds counts of attempts.
  ioredis: ["core/queue", "core/persistence", "scripts"],
  // In egress for other people's databases, never for ours.
  pg: ["core/persistence", "core/queue", "core/egress", "migrations", "scripts"],
  "pg-boss": ["core/queue", "migrations"],
  "node-pg-migrate": ["migrations"],
  jsonwebtoken: ["core/crypto"],
  otpauth: ["core/crypto"],
  croner: ["core/domain"],
  jsonata: ["core/expression"],
  re2js: ["core/expression"],
  "quickjs-emscripten": ["core/script"],
  undici: ["core/egress", "scripts"],
  nodemailer: ["core/mail"],
  "ipaddr.js": ["core/egress", "core/domain"],
  "rate-limiter-flexible": ["core/persistence", "core/services"],
  pino: ["core/logger"],
  "prom-client": ["api", "worker", "scheduler", "core/health-server", "core/telemetry"],
  "@opentelemetry/api": ["core/telemetry"],
  "@opentelemetry/exporter-trace-otlp-proto": ["core/telemetry"],
  "@opentelemetry/resources": ["core/telemetry"],
  "@opentelemetry/sdk-trace-node": ["core/telemetry"],
  react: ["dashboards/studio"],
  "react-dom": ["dashboards/studio"],
  "@mantine/core": ["dashboards/studio"],
  "@mantine/form": ["dashboards/studio"],
  "@mantine/hooks": ["dashboards/studio"],
  "@tanstack/react-query": ["dashboards/studio"],
  "@tanstack/react-router": ["dashboards/studio"],
  "qrcode.react": ["dashboards/studio"],
  "@vitejs/plugin-react": ["dashboards/studio"],
  vite: ["dashboards/studio"],
};

/** Where a rule is broken on purpose, and why. An entry that is no longer needed fails the test. */
export const EXCEPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "hidden imports": {
    "core/sandbox/serve-jobs.ts": "in the constant text of a thread of three lines",
  },
  evaluation: {
    "core/sandbox/serve-jobs.ts": "starts a thread from a constant text, nothing from outside goes in",
  },
  sql: {
    "core/egress/postgres/transaction.ts":
      "speaks to other people's databases, in the words of their authors",
    "core/egress/postgres/run-statement.ts": "hands such a statement over",
  },
  pools: {
    "core/queue/postgres-pool.ts": "those of BullMQ, whose own do not outlive a connection that is cut",
    "core/queue/schedule-queue.ts": "what makes pg-boss, which brings a pool of its own",
    "worker/lease-thread.ts": "the main file of a thread, which cannot share the process's pool",
    "core/persistence/database.ts": "what makes them",
    "core/persistence/expire-leases.ts": "one statement for the supervisor, which holds no pool",
    "migrations/migrate.ts": "one connection of the owner for as long as it migrates",
    "migrations/migrate-timers.ts": "pg-boss brings a pool of its own",
    "migrations/describe-schema.ts": "one connection to read the catalogue",
  },
  network: {
    "api/listen.ts": "the server",
    "core/health-server.ts": "a server that only answers",
  },
};
