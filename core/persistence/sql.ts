// The `sql` tag: text with numbered parameters, fragments nest.

export type Sql = { text: string; values: unknown[] };

const FRAGMENT = Symbol("sql");
type Fragment = Sql & { [FRAGMENT]: { strings: readonly string[]; values: readonly unknown[] } };

function isFragment(value: unknown): value is Fragment {
  return typeof value === "object" && value !== null && FRAGMENT in value;
}

/** sql`select … where id = ${id}` → `{text, values}` for pg. A nested sql`` is spliced in, not bound. */
export function sql(strings: TemplateStringsArray, ...values: unknown[]): Sql {
  const bound: unknown[] = [];
  const text = render(strings, values, bound);
  const fragment: Fragment = { text, values: bound, [FRAGMENT]: { strings, values } };
  return fragment;
}

function render(strings: readonly string[], values: readonly unknown[], bound: unknown[]): string {
  let text = strings[0] ?? "";
  for (const [index, value] of values.entries()) {
    if (isFragment(value)) {
      text += render(value[FRAGMENT].strings, value[FRAGMENT].values, bound);
    } else {
      bound.push(value);
      text += `$${bound.length}`;
    }
    text += strings[index + 1] ?? "";
  }
  return text;
}
