// Gathers what was skipped and why, and lists it just before the runner's own summary, where nobody overlooks it.
import type { TestEvent } from "node:test/reporters";

export async function* listSkips(events: AsyncIterable<TestEvent>): AsyncGenerator<TestEvent> {
  const skips: string[] = [];
  let listed = false;
  for await (const event of events) {
    if (event.type === "test:pass" && event.data.skip !== undefined && event.data.skip !== false) {
      const reason = typeof event.data.skip === "string" ? event.data.skip : "no reason given";
      skips.push(`  ${event.data.name}: ${reason}`);
    }
    const summaryBegins =
      event.type === "test:diagnostic" && event.data.nesting === 0 && /^tests \d+$/.test(event.data.message);
    if (summaryBegins && !listed && skips.length > 0) {
      listed = true;
      const message = `\n${skips.length} skipped:\n${skips.join("\n")}\n`;
      yield { type: "test:stdout", data: { file: "", line: 0, column: 0, message } } as TestEvent;
    }
    yield event;
  }
}
