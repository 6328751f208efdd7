// docs/alerts.yml against the code: every metric and label exists, every alert is explained in docs/operations.md.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { collectDefaultMetrics, Registry } from "prom-client";
import { parse } from "yaml";
import { readSourceTree } from "../architecture/source-tree.ts";

type Rules = {
  groups: {
    rules: { alert: string; expr: string; labels: { severity: string }; annotations: { summary: string } }[];
  }[];
};

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
const rules = (parse(read("docs/alerts.yml")) as Rules).groups.flatMap((group) => group.rules);

/** Metrics as the code declares them: type and label names. */
function declaredMetrics(): Map<string, { isHistogram: boolean; labels: string }> {
  const declared = new Map<string, { isHistogram: boolean; labels: string }>();
  for (const { path: file, code } of readSourceTree()) {
    if (!/^(api|worker|scheduler|core)\//.test(file) || file.endsWith(".test.ts")) continue;
    for (const [, kind, body = ""] of code.matchAll(
      /new (Gauge|Counter|Histogram)\(\{([\s\S]*?)\n {2,}\}\)/g,
    )) {
      const name = /name: "(\w+)"/.exec(body)?.[1];
      const own = /labelNames: (\[[^\]]*\])/.exec(body)?.[1];
      const shared = /\blabelNames\b/.test(body)
        ? /const labelNames = (\[[^\]]*\])/.exec(code)?.[1]
        : undefined;
      if (name) declared.set(name, { isHistogram: kind === "Histogram", labels: own ?? shared ?? "" });
    }
  }
  return declared;
}

function ofNode(): Set<string> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return new Set(registry.getMetricsAsArray().map((metric) => metric.name));
}

const metrics = declaredMetrics();
const nodeMetrics = ofNode();

test("every alert asks for metrics and labels that the code has", () => {
  assert.ok(metrics.size > 25, `${metrics.size} metrics in the code`);
  assert.ok(rules.length > 15);
  for (const { alert, expr } of rules) {
    const used = [...expr.matchAll(/\b((?:atelier|http|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)];
    assert.ok(used.length > 0 || expr.startsWith("up{"), alert);
    for (const [, series = "", selector = ""] of used) {
      if (nodeMetrics.has(series)) continue;
      const name = metrics.has(series) ? series : series.replace(/_(bucket|count|sum)$/, "");
      const metric = metrics.get(name);
      assert.ok(metric, `${alert} asks for ${series}`);
      assert.equal(metric.isHistogram, name !== series, `${alert}: ${series}`);
      for (const [, label] of selector.matchAll(/(\w+)=~?"/g)) {
        assert.ok(metric.labels.includes(`"${label}"`), `${alert}: ${series} has no label ${label}`);
      }
    }
  }
});

test("every alert is one line of the table of docs/operations.md, and none is there that is not in the rules", () => {
  const told = [...read("docs/operations.md").matchAll(/^\| `(Atelier\w+)`/gm)].map(([, name]) => name);
  assert.deepEqual(told.toSorted(), rules.map(({ alert }) => alert).toSorted());
  for (const { alert, labels, annotations } of rules) {
    assert.match(labels.severity, /^(page|ticket)$/, alert);
    assert.ok(annotations.summary.length > 10, alert);
  }
});
