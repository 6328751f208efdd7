// Several runs of node:test one after the other, told as one: a single summary that counts all of them.
import type { TestEvent } from "node:test/reporters";

const COUNT = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/;

/** Each run begins when the one before has ended. */
export async function* joinRuns(
  runs: readonly (() => AsyncIterable<TestEvent>)[],
): AsyncGenerator<TestEvent> {
  const counts = new Map<string, number>();
  for (const [index, start] of runs.entries()) {
    const isLast = index === runs.length - 1;
    for await (const event of start()) {
      // With the summary of everything the reporter lists what failed, so it must come once.
      if (!isLast && event.type === "test:summary" && event.data.file === undefined) continue;
      const found =
        event.type === "test:diagnostic" && event.data.nesting === 0 && COUNT.exec(event.data.message);
      if (!found) {
        yield event;
        continue;
      }
      const [, name = "", value] = found;
      const count = (counts.get(name) ?? 0) + Number(value);
      counts.set(name, count);
      if (isLast) yield { ...event, data: { ...event.data, message: `${name} ${count}` } } as TestEvent;
    }
  }
}
