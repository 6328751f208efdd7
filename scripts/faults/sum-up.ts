// The table at the end of a fault run, from the lines the scenarios wrote.

type Line = {
  scenario: string;
  runs: number;
  lost: number;
  duplicated: number;
  stuck: number;
  broken: number;
  recoveryMs: { p50: number | null; p95: number | null; max: number | null };
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
  const worst = Math.max(0, ...all.map(({ recoveryMs }) => recoveryMs.max ?? 0));
  const totals = NUMBERS.map((name) => `${name} ${all.reduce((sum, line) => sum + line[name], 0)}`);
  const table = [[...NUMBERS, "p50", "p95", "max", "scenario (recovery in ms)"], ...rows];
  const text = table.map((cells) =>
    cells.map((cell, at) => (at < 8 ? cell.padStart(11) : `  ${cell}`)).join(""),
  );
  return `\n${text.join("\n")}\n\n${totals.join(", ")}, recovery at most ${worst} ms`;
}
