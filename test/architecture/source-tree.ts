// Reads our source files and what they import, without a parser: the forms are few and Biome keeps them plain.
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export type Import = {
  specifier: string;
  /** The file in the repository it means, or null for packages and node: modules. */
  target: string | null;
  /** Values it takes; empty for `import type`, null when unknown (default, namespace, dynamic). */
  names: readonly string[] | null;
  /** By URL: the file runs in a thread or process of its own. */
  isApart: boolean;
};

export type SourceFile = {
  path: string;
  /** As written. */
  text: string;
  /** Without comments. */
  code: string;
  lines: number;
  isTest: boolean;
  imports: readonly Import[];
};

const FOLDERS = "{api,worker,scheduler,migrations,dashboards,core,scripts,test}";

export function readSourceTree(): SourceFile[] {
  const skip = (name: string) => /(^|\/)(node_modules|dist|\.data)$/.test(name);
  return globSync(`${FOLDERS}/**/*.{ts,tsx,mts,js,mjs,cjs}`, { cwd: ROOT, exclude: skip })
    .sort()
    .map((file) => readSource(file, readFileSync(path.join(ROOT, file), "utf8")));
}

export function readSource(file: string, text: string): SourceFile {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
  return {
    path: file,
    text,
    code,
    lines: text.split("\n").length - 1,
    isTest: /\.test\.tsx?$/.test(file) || file.startsWith("test/"),
    imports: findImports(file, code),
  };
}

const STATEMENT = /^\s*(?:import|export)\s+(type\s+)?([^"'`;]*?)\s*from\s*["']([^"']+)["']/gm;
const SIDE_EFFECT = /^\s*import\s*["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*["'`]([^"'`]+)["'`]/g;
// Threads and processes are started from such a URL; other files (assets, SQL) are data.
const BY_URL = /new URL\(\s*["'`](\.[^"'`]+\.(?:ts|mjs|js))["'`]\s*,\s*import\.meta\.url/g;

function findImports(file: string, code: string): Import[] {
  const at = (specifier: string, names: Import["names"], isApart = false): Import => ({
    specifier,
    target: resolve(file, specifier),
    names,
    isApart,
  });
  return [
    ...[...code.matchAll(STATEMENT)].map(([, type, clause = "", specifier = ""]) =>
      at(specifier, type ? [] : namesOf(clause)),
    ),
    ...[SIDE_EFFECT, DYNAMIC, BY_URL].flatMap((form) =>
      [...code.matchAll(form)].map(([, specifier = ""]) => at(specifier, null, form === BY_URL)),
    ),
  ];
}

function namesOf(clause: string): string[] | null {
  const braces = /^\{([^}]*)\}$/.exec(clause.trim())?.[1];
  if (braces === undefined) return null;
  return braces
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && !name.startsWith("type "));
}

function resolve(file: string, specifier: string): string | null {
  if (specifier.startsWith("#core/")) return `core/${specifier.slice("#core/".length)}`;
  if (specifier.startsWith(".")) return path.posix.join(path.posix.dirname(file), specifier);
  return null;
}

/** `@scope/name` or `name` of a package's import; null for our own files and node: modules. */
export function packageOf({ specifier, target }: Import): string | null {
  if (target !== null || specifier.startsWith("node:")) return null;
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? specifier);
}

/** The files that `entries` bring with them, themselves included. Throws for an import that leads nowhere. */
export function followImports(files: readonly SourceFile[], entries: readonly string[]): SourceFile[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const found = new Set<SourceFile>();
  const visit = (target: string, from: string): void => {
    const file = byPath.get(target);
    if (!file) {
      if (existsSync(path.join(ROOT, target))) return;
      throw new Error(`${from} imports ${target}, which is not there`);
    }
    if (found.has(file)) return;
    found.add(file);
    for (const { target: next } of file.imports) if (next !== null) visit(next, target);
  };
  for (const entry of entries) visit(entry, "the entry");
  return [...found];
}
