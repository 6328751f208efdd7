// Loaded with --import before anything else: the wall clock of the process, threads included, is wrong or steps on its way.
// Timers go on by the steady clock, as they do when an operator or NTP sets the time.

/** `<milliseconds>` it is fast by (slow where negative), `@<milliseconds>` after the start of the thread. */
const [, by, after = "0"] = /^(-?\d+)(?:@(\d+))?$/.exec(process.env.FAULT_CLOCK ?? "") ?? [];
if (by === undefined) throw new Error("FAULT_CLOCK says by how much the clock is wrong");

const RealDate = Date;
const now = () => RealDate.now() + (performance.now() >= Number(after) ? Number(by) : 0);

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, newTarget) =>
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
});
