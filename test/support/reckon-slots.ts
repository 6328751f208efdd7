// A reckoning of the rules of cron patterns that shares nothing with the product: Temporal, a wall time or minute at a time.
import { Temporal } from "temporal-polyfill";

/** `date` matters to the forms that name a day by its place in the month. */
export type Field = { text: string; isWild: boolean; has(value: number, date: Temporal.PlainDate): boolean };
/** With `isBoth` a day must fit both its fields, and the expression says so by a plus. */
export type Pattern = { minute: Field; hour: Field; day: Field; weekday: Field; isBoth?: boolean };

export const any: Field = { text: "*", isWild: true, has: () => true };

/** One that is given a `*` stands back; of two that say something either will do. A step counts as something. */
export function fitsDay({ day, weekday, isBoth }: Pattern, date: Temporal.PlainDate): boolean {
  const [ofMonth, ofWeek] = [day.has(date.day, date), weekday.has(date.dayOfWeek % 7, date)];
  return isBoth || day.text === "*" || weekday.text === "*" ? ofMonth && ofWeek : ofMonth || ofWeek;
}

/** Every elapsed minute whose wall time fits. */
export function intervalSlots(pattern: Pattern, zone: string, from: number, to: number): Set<number> {
  const slots = new Set<number>();
  for (let at = from; at <= to; at += 60_000) {
    const wall = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
    const date = wall.toPlainDate();
    if (!pattern.minute.has(wall.minute, date) || !pattern.hour.has(wall.hour, date)) continue;
    if (fitsDay(pattern, date)) slots.add(at);
  }
  return slots;
}

/** Every wall time that fits, once: the first of two, or the end of the gap that it falls into. */
export function wallSlots(pattern: Pattern, zone: string, from: number, to: number): Set<number> {
  const slots = new Set<number>();
  const last = Temporal.Instant.fromEpochMilliseconds(to).toZonedDateTimeISO(zone).toPlainDate();
  let date = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(zone).toPlainDate();
  for (; Temporal.PlainDate.compare(date, last) <= 0; date = date.add({ days: 1 })) {
    if (!fitsDay(pattern, date)) continue;
    for (let minute = 0; minute < 24 * 60; minute++) {
      if (!pattern.hour.has(Math.floor(minute / 60), date) || !pattern.minute.has(minute % 60, date))
        continue;
      const wall = date.toPlainDateTime({ hour: Math.floor(minute / 60), minute: minute % 60 });
      const at = wall.toZonedDateTime(zone, { disambiguation: "earlier" });
      const inGap = !at.toPlainDateTime().equals(wall);
      slots.add((inGap ? at.getTimeZoneTransition("next") : at)?.epochMilliseconds ?? Number.NaN);
    }
  }
  return slots;
}

/** From some hours before a change of the clocks to some after it, or any day of a year for a zone that has none. */
export function stretchOf(zone: string, year: number, nth: number): [from: number, to: number] {
  const start = Temporal.ZonedDateTime.from({ timeZone: zone, year, month: 1, day: 1 });
  const changes: number[] = [];
  for (
    let at = start.getTimeZoneTransition("next");
    at?.year === year;
    at = at.getTimeZoneTransition("next")
  ) {
    changes.push(at.epochMilliseconds);
  }
  const around = changes[nth % (changes.length || 1)] ?? start.add({ days: nth }).epochMilliseconds;
  return [around - 4 * 3_600_000, around + 8 * 3_600_000];
}
