// What a process started by a test gets of the environment of the tests.

/** The PATH and, in `npm test`, where compiled modules are shared: none of a developer's own settings. */
export function childEnvironment(): Record<string, string> {
  const { PATH = "", NODE_COMPILE_CACHE } = process.env;
  return NODE_COMPILE_CACHE === undefined ? { PATH } : { PATH, NODE_COMPILE_CACHE };
}
