// The table at the end of a fault run, from the lines the scenarios wrote.
import { percentile } from "../bench/percentile.ts";

type Line = {
  scenario: string;
  runs: number;
  lost: number;
  duplicated: number;
  stuck: number;
  broken: number;
  recoveryMs: { p50: number | null; p95: number | null; max: number | null };
  /** Each one. */
  recoveredMs: number[];
};

const NUMBERS = ["runs", "lost", "duplicated", "stuck", "broken"] as const;

/** `lines` are JSON, one a line; a scenario that was judged several times has several. */
export function sumUp(lines: string): string {
  const all = lines
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
  const rows = all.map(({ scenario, recoveryMs, ...line }) => [
    ...NUMBERS.map((name) => String(line[name])),
    ...[recoveryMs.p50, recoveryMs.p95, recoveryMs.max].map((ms) => (ms === null ? "-" : String(ms))),
    scenario,
  ]);
  const recovered = all.flatMap(({ recoveredMs }) => recoveredMs);
  const at = (percent: number) => (recovered.length === 0 ? "-" : percentile(recovered, percent));
  const totals = NUMBERS.map((name) => `${name} ${all.reduce((sum, line) => sum + line[name], 0)}`);
  const table = [[...NUMBERS, "p50", "p95", "max", "scenario (recovery in ms)"], ...rows];
  const text = table.map((cells) =>
    cells.map((cell, at) => (at < 8 ? cell.padStart(11) : `  ${cell}`)).join(""),
  );
  return `\n${text.join("\n")}\n\n${totals.join(", ")}; ${recovered.length} recoveries: p50 ${at(50)} ms, p95 ${at(95)} ms, max ${at(100)} ms`;
}
