// What counts as true, by the rules of JSONata's $boolean, so that flow.condition and expressions agree.

/**
 * False are null, undefined, "", 0, NaN, the empty object, functions, and an array without a true element.
 * Iterative: an expression may return arrays nested deeper than the stack is.
 */
export function isTruthy(value: unknown): boolean {
  const open = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (Array.isArray(next)) for (const element of next) open.push(element);
    else if (isTruthyScalar(next)) return true;
  }
  return false;
}

function isTruthyScalar(value: unknown): boolean {
  if (typeof value === "function") return false;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}
