// The forms of operators' commands, made from the venue's table of operations.
import FORMS from "../../net/forms.json" with { type: "json" };
import type { Command, Entry } from "./command.ts";

export type Operation = keyof typeof FORMS;

interface Form extends Omit<Command, "entries" | "body"> {
  entries: readonly Entry[];
  body: Readonly<Record<string, unknown>>;
  typed: string;
}

/** An operation as a command: what is `given` is not asked for, what is so `now` stands in its field. */
export function form(
  name: Operation,
  given: Readonly<Record<string, string | number | boolean>> = {},
  { now = {}, first = "" }: { now?: Readonly<Record<string, string>>; first?: string } = {},
): Command {
  const { typed, ...form } = (FORMS as unknown as Record<Operation, Form>)[name];
  const known = given[typed];
  const asked = form.entries.filter((entry) => !(entry.name in given));
  return {
    ...form,
    title: form.title.replace(/\{(\w+)\}/g, (_, part: string) => String(given[part])),
    says: `${first}${form.says}`,
    entries: asked.map((entry) => ({ ...entry, ...(now[entry.name] === undefined ? {} : { value: now[entry.name] }) })),
    body: { ...form.body, ...given },
    ...(known !== undefined ? { typed: String(known) } : typed === "" ? {} : { again: typed }),
  };
}
