// Says what is to be run for each item; the engine carries it out.
import { AppError } from "#core/domain/app-error.ts";
import type { NodeRunner } from "#core/domain/node.ts";
import { type ForEachConfig, MAX_ITEMS } from "./definition.ts";

/** Throws AppError `too_many_items` beyond 10,000. */
export const runForEach: NodeRunner<ForEachConfig> = ({ items, concurrency }) => {
  const list = toList(items);
  if (list.length > MAX_ITEMS) {
    throw new AppError(
      "too_many_items",
      `items holds ${list.length} items, at most ${MAX_ITEMS} are allowed; split the list over several executions`,
      { details: { items: list.length, limit: MAX_ITEMS } },
    );
  }
  return { kind: "each", items: list, concurrency };
};

function toList(items: unknown): readonly unknown[] {
  if (items === null || items === undefined) return [];
  return Array.isArray(items) ? items : [items];
}
