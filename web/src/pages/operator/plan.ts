// An instrument's schedule as people write it: a line for each phase, with its time (UTC), and its days if not all.
import type { EntryShown } from "../../net/v1.ts";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export const PLANNED = [
  "closed",
  "pre_open",
  "opening_auction",
  "continuous",
  "closing_auction",
  "halt",
  "cancel_only",
] as const;
const TIME = /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/;

type Planned = { time: string; phase: string; days?: string[] };

/** The entries of a schedule; or what is wrong with its text, for people. */
export function plan(text: string): Planned[] | string {
  const entries: Planned[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    const [time, phase, ...days] = line.trim().split(/\s+/);
    if (time === undefined || time === "") continue;
    const where = `Line ${i + 1}: `;
    if (!TIME.test(time)) return `${where}begin with a time (UTC), such as 08:00.`;
    if (!PLANNED.some((each) => each === phase)) return `${where}name a phase: ${PLANNED.join(", ")}.`;
    const wrong = days.find((day) => !DAYS.some((each) => each === day));
    if (wrong !== undefined) return `${where}days are ${DAYS.join(", ")}.`;
    entries.push({ time, phase: phase as string, ...(days.length > 0 ? { days } : {}) });
  }
  return entries;
}

/** The same as text. */
export function planText(entries: readonly EntryShown[]): string {
  return entries
    .map(({ time, phase, days }) => [time, phase, ...(days.length === DAYS.length ? [] : days)].join(" "))
    .join("\n");
}
