// What an import did, file by file: the one thing it leaves behind for the person who ran it.

export const KINDS = [
  "workflows",
  "versions",
  "executions",
  "steps",
  "credentials",
  "audit entries",
] as const;
export type Kind = (typeof KINDS)[number];

export type Count = { read: number; written: number; skipped: number };

/** `line` is 1-based; 0 stands for the file as a whole. */
export type Remark = { file: string; line: number; reason: string };

export type Report = {
  counts: Record<Kind, Count>;
  /** What was not imported. */
  unreadable: Remark[];
  /** What was imported, but not exactly as it stood there. */
  remarks: Remark[];
  /** What the imported workflows still need before they can run. */
  problems: { file: string; nodeId?: string; message: string }[];
  renamed: { file: string; from: string; to: string }[];
};

export function createReport(): Report {
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, { read: 0, written: 0, skipped: 0 }]));
  return { counts: counts as Record<Kind, Count>, unreadable: [], remarks: [], problems: [], renamed: [] };
}

/** 0 when everything was read, 2 when something was not. */
export function exitCodeOf(report: Report): 0 | 2 {
  return report.unreadable.length === 0 ? 0 : 2;
}
