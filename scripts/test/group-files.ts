// Which test files run beside each other, and in which order.

export type FileGroup = {
  /** How many of its files run at a time. */
  lanes: number;
  files: string[];
};

// These hold the platform to seconds (a recovery to 15, a cancel to 2): on two cores no third file runs beside them.
const TIMED = ["test/faults/", "api/routes/admin-workers", "worker/claiming"];

// Ten seconds and more when each file was timed, longest first; a folder stands for all of its files. A name that is
// missing costs seconds, one too many nothing.
const LONG = [
  "test/security/export-workspace",
  "api/main",
  "test/faults/runs-gone-wrong",
  "api/routes/admin-workers",
  "test/faults/drained-worker",
  "test/faults/queue-lost",
  "test/security/script-attacks",
  "test/security/role-matrix",
  "test/start/supervisor",
  "test/studio/",
  "test/e2e/",
  "test/security/credential-canary",
  "test/security/tenant-indexes",
  "test/security/login-limits",
  "core/expression/differential",
  "test/keys/",
  "test/admin/",
];
/** The long ones have begun when so much of the others has: none is left alone in its lane at the end. */
const SHARE = 0.8;

/** Every file once, in groups to run one after the other; none is empty. With two lanes two cores idle a third of the time. */
export function groupFiles(files: readonly string[]): FileGroup[] {
  const isTimed = (file: string) => TIMED.some((place) => file.startsWith(place));
  const groups = [
    { lanes: 2, files: orderFiles(files.filter(isTimed)) },
    { lanes: 3, files: orderFiles(files.filter((file) => !isTimed(file))) },
  ];
  return groups.filter((group) => group.files.length > 0);
}

/** The long ones are spread among the short, which stay in the order given. */
function orderFiles(files: readonly string[]): string[] {
  const rankOf = (file: string) => LONG.findIndex((place) => file.startsWith(place));
  const long = files.filter((file) => rankOf(file) >= 0).sort((a, b) => rankOf(a) - rankOf(b));
  const short = files.filter((file) => rankOf(file) < 0);
  const between = long.length === 0 ? 0 : Math.floor((short.length * SHARE) / long.length);
  const spread = long.flatMap((file, index) => [
    file,
    ...short.slice(index * between, (index + 1) * between),
  ]);
  return [...spread, ...short.slice(long.length * between)];
}
