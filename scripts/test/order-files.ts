// The order of the test files: those that wait a lot are spread over the run, each beside others that compute.

// Ten seconds and more when each file was timed, longest first; a folder stands for all of its files. A name that is
// missing costs seconds, one too many nothing.
const LONG = [
  "test/security/export-workspace",
  "api/main",
  "test/faults/runs-gone-wrong",
  "test/security/script-attacks",
  "test/security/role-matrix",
  "api/routes/admin-workers",
  "test/faults/",
  "test/start/supervisor",
  "test/studio/",
  "test/e2e/",
  "test/security/credential-canary",
  "test/security/tenant-indexes",
  "test/security/login-limits",
  "core/expression/differential",
  "test/keys/",
  "test/admin/",
  "worker/claiming",
];
/** The long ones have begun when so much of the others has: none is left alone in its lane at the end. */
const SHARE = 0.8;

/** A copy, every file once. Short ones stay in the order given. */
export function orderFiles(files: readonly string[]): string[] {
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
