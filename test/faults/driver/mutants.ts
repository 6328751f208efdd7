// Known ways to be wrong: each breaks one promise by changing a few words of the product, and the suite must notice.

export type Edit = {
  /** From the repository's root. */
  file: string;
  /** Occurs exactly once, or nothing is applied and everybody is told. */
  from: string;
  to: string;
};

export type Mutant = {
  name: string;
  edits: readonly Edit[];
  /** The files of test/faults of which at least one must be red. */
  noticedBy: readonly string[];
};

const JOURNAL = "core/persistence/executions/write-journal.ts";
const HOLD_SCHEDULES = "core/persistence/schedules/hold-schedules.ts";
const WRITE_FIRES = "core/persistence/schedules/write-fires.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    name: "no-fence-check",
    edits: [
      {
        file: JOURNAL,
        from: "where e.id = r.id and e.fence = r.fence and e.status",
        to: "where e.id = r.id and e.status",
      },
      {
        file: JOURNAL,
        from: "kept as (\n      select e.id, e.fence,",
        to: "kept as (\n      select e.id, r.fence,",
      },
      {
        file: JOURNAL,
        from: "from workflow_executions e join runs r on e.id = r.id and e.fence = r.fence",
        to: "from workflow_executions e join runs r on e.id = r.id",
      },
      {
        file: JOURNAL,
        from: "returning e.id, e.fence, e.workspace_id",
        to: "returning e.id, r.fence, e.workspace_id",
      },
    ],
    noticedBy: ["model/state-machine.test.ts", "zombie-worker.test.ts"],
  },
  {
    name: "effect-before-commit",
    edits: [
      {
        file: "core/engine/attempt-node.ts",
        from: '  journal.note({ ...pending, status: "running" });\n  await journal.flush();\n',
        to: '  journal.note({ ...pending, status: "running" });\n  journal.flush().catch(() => {});\n',
      },
    ],
    noticedBy: ["slow-commits.test.ts", "worker-crash-points.test.ts"],
  },
  {
    name: "no-reconciler",
    edits: [
      {
        file: "core/services/executions/recover-executions.ts",
        from: "if (unheard.length === 0) return 0;",
        to: "if (unheard.length >= 0) return 0;",
      },
    ],
    noticedBy: ["queue-lost.test.ts"],
  },
  {
    name: "no-reaper",
    edits: [
      {
        file: "core/persistence/executions/leases.ts",
        from: "where status = 'running' and lease_until < now()",
        to: "where false and status = 'running' and lease_until < now()",
      },
    ],
    noticedBy: ["worker-crash-points.test.ts"],
  },
  {
    name: "forgotten-wake",
    edits: [
      {
        file: "core/persistence/executions/journal-parts.ts",
        from: "coalesce(r.status = 'waiting' and e.wake > r.wake, false)",
        to: "coalesce(false and r.status = 'waiting' and e.wake > r.wake, false)",
      },
    ],
    noticedBy: ["model/state-machine.test.ts"],
  },
  {
    // Its fires fall under no unique index, and nothing else keeps two schedulers from the same slot.
    name: "no-unique-fire",
    edits: [
      { file: WRITE_FIRES, from: "f.slot, 'slot', case", to: "f.slot, 'manual', case" },
      {
        file: HOLD_SCHEDULES,
        from: "where s.enabled and s.next_run_at = r.due and s.revision = r.revision",
        to: "where s.enabled",
      },
    ],
    noticedBy: ["schedulers-killed.test.ts"],
  },
];
