// Loaded with --import before anything else: gives the process the product with one mutant's words in it.
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { MUTANTS, type Mutant } from "./mutants.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** The changed text of each file by its URL. Throws when a text is not there exactly once: a mutant that is none. */
export function mutateSources({ name, edits }: Mutant): Map<string, string> {
  const changed = new Map<string, string>();
  for (const { file, from, to } of edits) {
    const place = path.join(ROOT, file);
    const url = pathToFileURL(place).href;
    const text = changed.get(url) ?? readFileSync(place, "utf8");
    const times = text.split(from).length - 1;
    if (times !== 1) throw new Error(`mutant ${name}: ${file} has ${times} times: ${from}`);
    changed.set(
      url,
      text.replace(from, () => to),
    );
  }
  return changed;
}

const wanted = process.env.FAULT_MUTANT;
if (wanted) {
  const mutant = MUTANTS.find(({ name }) => name === wanted);
  if (!mutant) throw new Error(`there is no mutant ${wanted}`);
  const sources = mutateSources(mutant);
  registerHooks({
    load(url, context, nextLoad) {
      const source = sources.get(url);
      return source === undefined
        ? nextLoad(url, context)
        : { format: "module-typescript", source, shortCircuit: true };
    },
  });
}
