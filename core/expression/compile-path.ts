// Compiles `root.field[0].field` to a closure with JSONata's rules for arrays on the way.

import { type Meter, spend } from "./meter.ts";
import type { SyntaxNode } from "./parse-syntax.ts";
import { SCOPE_ROOTS, type Scope } from "./scope.ts";

/** One field of a path; `indexes` are the `[n]` behind it, `keepArray` a `[]`. */
type Step = { readonly name: string; readonly indexes: readonly number[]; readonly keepArray: boolean };

/** An array that JSONata built on the way (flattened into the next step) or one that stands in the data. */
type Found = { readonly value: unknown; readonly built: boolean };

const STEP_KEYS = new Set(["value", "type", "position", "keepArray", "stages"]);
const MAX_NESTED_ARRAYS = 200;

/** Undefined when a step is more than a field name with number literals behind it. */
export function compilePath(
  node: SyntaxNode,
): ((scope: Scope | Record<string, unknown>, meter: Meter) => unknown) | undefined {
  const steps: Step[] = [];
  for (const part of node.steps ?? []) {
    const step = toStep(part);
    if (step === undefined) return undefined;
    steps.push(step);
  }
  const root = steps[0];
  if (root === undefined) return undefined;
  // Only the six roots exist, whatever else the scope object may carry.
  if (!SCOPE_ROOTS.some((name) => name === root.name)) return () => undefined;
  const keepSingleton = node.keepSingletonArray === true;
  const simple = steps.findIndex((step) => step.indexes.length > 0);
  const fastUntil = simple < 0 ? steps.length : simple;
  return (scope, meter) => {
    let value: unknown = scope;
    for (let i = 0; i < fastUntil; i++) {
      if (typeof value !== "object" || value === null) return undefined;
      if (Array.isArray(value)) return walkSteps(steps, i, value, keepSingleton, meter);
      value = readOwn(value, steps[i]?.name ?? "");
    }
    if (fastUntil < steps.length) {
      const items = Array.isArray(value) ? value : [value];
      return value === undefined ? undefined : walkSteps(steps, fastUntil, items, keepSingleton, meter);
    }
    return keepSingleton && value !== undefined && !Array.isArray(value) ? [value] : value;
  };
}

function toStep(node: SyntaxNode): Step | undefined {
  if (node.type !== "name" || typeof node.value !== "string") return undefined;
  if (!Object.keys(node).every((key) => STEP_KEYS.has(key))) return undefined;
  const indexes: number[] = [];
  for (const stage of node.stages ?? []) {
    const isIndex = stage.type === "filter" && stage.expr.type === "number" && !("predicate" in stage.expr);
    if (!isIndex || typeof stage.expr.value !== "number") return undefined;
    indexes.push(Math.floor(stage.expr.value));
  }
  return { name: node.value, indexes, keepArray: node.keepArray === true };
}

function readOwn(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}

/**
 * The general walk, needed once an array or an index is met. A field of every item; arrays among the results are
 * spread into one sequence, except when the last step gives exactly one array, which stays as it stands in the data.
 * A sequence of one is that one, unless the path says `[]`.
 */
function walkSteps(
  steps: readonly Step[],
  from: number,
  start: readonly unknown[],
  keepSingleton: boolean,
  meter: Meter,
): unknown {
  let items = start;
  for (let i = from; i < steps.length; i++) {
    const step = steps[i];
    if (step === undefined) break;
    spend(meter, items.length);
    const results: Found[] = [];
    for (const item of items) {
      const found = takeIndexes(lookup(item, step, meter, 0), step.indexes);
      if (found.value !== undefined) results.push(found);
    }
    const only = results[0];
    if (i === steps.length - 1 && results.length === 1 && Array.isArray(only?.value) && !only.built) {
      return only.value;
    }
    items = flatten(results, meter);
    if (items.length === 0) return undefined;
  }
  return items.length === 1 && !keepSingleton ? items[0] : items;
}

function flatten(results: readonly Found[], meter: Meter): unknown[] {
  const items: unknown[] = [];
  for (const { value } of results) {
    if (!Array.isArray(value)) items.push(value);
    else {
      spend(meter, value.length);
      for (const member of value) items.push(member);
    }
  }
  return items;
}

/** A field of one item; of an array inside the array, the field of each member. */
function lookup(item: unknown, step: Step, meter: Meter, depth: number): Found {
  const found = lookupAll(item, step.name, meter, depth);
  if (!found.built || !Array.isArray(found.value)) return found;
  if (found.value.length === 0) return { value: undefined, built: false };
  if (found.value.length > 1 || step.keepArray) return found;
  return { value: found.value[0], built: false };
}

function lookupAll(item: unknown, name: string, meter: Meter, depth: number): Found {
  if (typeof item !== "object" || item === null) return { value: undefined, built: false };
  if (!Array.isArray(item)) return { value: readOwn(item, name), built: false };
  const members: unknown[] = [];
  if (depth > MAX_NESTED_ARRAYS) return { value: undefined, built: false };
  spend(meter, item.length);
  for (const member of item) {
    const { value } = lookupAll(member, name, meter, depth + 1);
    if (Array.isArray(value)) for (const inner of value) members.push(inner);
    else if (value !== undefined) members.push(value);
  }
  return { value: members, built: true };
}

function takeIndexes(found: Found, indexes: readonly number[]): Found {
  let current = found;
  for (const index of indexes) {
    const items: readonly unknown[] = Array.isArray(current.value) ? current.value : [current.value];
    const item = items[index < 0 ? items.length + index : index];
    if (Array.isArray(item)) current = { value: item, built: false };
    else current = { value: item === undefined ? [] : [item], built: true };
  }
  return current;
}
