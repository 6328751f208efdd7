// The report as text. Names of files, nodes and credentials only: never what a credential or an input says.
import type { Report } from "./report.ts";
import { KINDS, type Remark } from "./report.ts";

export type ReportHeading = { folder: string; email: string; dryRun: boolean };

export function printReport(report: Report, { folder, email, dryRun }: ReportHeading): string {
  const ending = dryRun ? " (dry run: nothing was written)" : "";
  return [
    `Import of ${folder} for ${email}${ending}`,
    "",
    countTable(report, dryRun),
    ...section(
      "Renamed nodes, references with them",
      report.renamed.map(({ file, from, to }) => `${file}: "${from}" is now ${to}`),
    ),
    ...section("Imported with a remark", report.remarks.map(remarkLine)),
    ...section("Imported, but cannot run before this is mended", report.problems.map(problemLine)),
    ...section("Could not be read, not imported", report.unreadable.map(remarkLine)),
    "",
    report.unreadable.length === 0
      ? "Everything was read."
      : `${report.unreadable.length} things could not be read; mend them and import again, what is there is skipped.`,
  ].join("\n");
}

function countTable({ counts }: Report, dryRun: boolean): string {
  const heading = row(["", "read", dryRun ? "would write" : "written", "already there"]);
  const rows = KINDS.map((kind) => {
    const { read, written, skipped } = counts[kind];
    return row([kind, String(read), String(written), String(skipped)]);
  });
  return [heading, ...rows].join("\n");
}

function row([name = "", ...cells]: readonly string[]): string {
  return `  ${name.padEnd(14)}${cells.map((cell) => cell.padStart(14)).join("")}`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", `${title} (${lines.length})`, ...lines.map((line) => `  ${line}`)];
}

function remarkLine({ file, line, reason }: Remark): string {
  return `${place(file, line)}: ${reason}`;
}

function problemLine({ file, nodeId, message }: Report["problems"][number]): string {
  return `${file}${nodeId === undefined ? "" : ` node ${nodeId}`}: ${message}`;
}

function place(file: string, line: number): string {
  return line === 0 ? file : `${file}:${line}`;
}
