// Which command somebody wants to look back at, as people write it and as the venue is asked.

/** What names a command. */
export type Named = "seq" | "order" | "time";

const WHOLE = /^\d{1,15}$/;
const DATE = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?Z?$/;

/** Milliseconds since 1970 of a time (UTC) that a person wrote, or null. */
export function timeOf(text: string): number | null {
  if (WHOLE.test(text)) return Number(text);
  const found = DATE.exec(text);
  if (found === null) return null;
  const ms = Date.parse(`${found[1]}T${found[2] ?? "00:00"}Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** The question; or what is wrong with what names the command, for people. */
export function questionOf(text: (name: string) => string): URLSearchParams | string {
  const by = text("by") as Named;
  const which = text("which");
  const found = new URLSearchParams();
  if (by === "time") {
    const ms = timeOf(which);
    if (ms === null) return "Write a time (UTC), such as 2026-01-31 09:30:00.";
    found.set(by, String(ms));
  } else {
    if (!WHOLE.test(which) || Number(which) === 0) return "Write a whole number, 1 or more.";
    found.set(by, String(Number(which)));
  }
  for (const name of ["account", "symbol"]) if (text(name) !== "") found.set(name, text(name));
  return found;
}
