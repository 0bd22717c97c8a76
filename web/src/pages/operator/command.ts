// What operators ask the venue to do: what a command needs of who gives it, and the request that it is. No page in it.
import { explain, read } from "../../number/decimal.ts";
import { cancelledText } from "../../trade/outcome.ts";
import { plan } from "./plan.ts";

/** How a field is read: `amount` is above or at zero, `difference` may be below, `count` is a whole number. */
export type Kind = "text" | "amount" | "difference" | "count" | "choice" | "check" | "plan" | "password";

export interface Entry<Name extends string = string> {
  name: Name;
  label: string;
  kind?: Kind;
  /** Of a choice: what there is, and how it is shown. */
  of?: Readonly<Record<string, string>>;
  /** What it is now, or a good beginning. */
  value?: string;
  /** What is left empty is left out. */
  isOptional?: boolean;
}

export interface Command<Name extends string = string> {
  title: string;
  says: string;
  /** The word on the button that does it. */
  verb: string;
  method: "POST" | "PUT" | "DELETE";
  /** Where it goes; `{name}` stands for what was filled in under that name. */
  path: string;
  entries?: readonly Entry<Name>[];
  /** What the request says beside what was filled in; null: it has no body. */
  body?: Readonly<Record<string, unknown>> | null;
  /** It can't be taken back, or acts on everybody at once: this is typed first. */
  typed?: string;
  /** Likewise: what was filled in under this name is typed a second time. */
  again?: Name;
  /** It takes an `id`, under which it is carried out once, however often it is sent. */
  isOnce?: boolean;
  forAdmins?: boolean;
}

export type Values = Record<string, unknown>;
export type Wrongs = Record<string, string>;

const MOST_SCALE = 18;
const MOST_COUNT = 12; // digits
const COUNT = /^\d+$/;

/** What was filled in, read; and what is wrong with it, by field. */
export function valuesOf(entries: readonly Entry[], text: (name: string) => string): { values: Values; wrong: Wrongs } {
  const values: Values = {};
  const wrong: Wrongs = {};
  for (const entry of entries) {
    const typed = text(entry.name).trim();
    if (entry.kind === "check") values[entry.name] = typed !== "";
    else if (entry.kind === "password") values[entry.name] = text(entry.name);
    else if (typed === "" && entry.isOptional) continue;
    else if (entry.kind === "plan") {
      const found = plan(typed);
      if (typeof found === "string") wrong[entry.name] = found;
      else values[entry.name] = found;
    } else {
      const problem = mistake(entry, typed);
      if (problem !== null) wrong[entry.name] = problem;
      else values[entry.name] = entry.kind === "count" ? Number(typed) : typed;
    }
  }
  return { values, wrong };
}

function mistake({ kind }: Entry, typed: string): string | null {
  switch (kind) {
    case "count":
      if (typed === "") return explain("empty", 0, "");
      return COUNT.test(typed) && typed.length <= MOST_COUNT ? null : "Write a whole number, such as 100.";
    case "amount":
    case "difference": {
      const found = read(kind === "difference" ? typed.replace(/^-/, "") : typed, MOST_SCALE);
      return found.wrong === undefined ? null : explain(found.wrong, MOST_SCALE, "");
    }
    default:
      return typed === "" ? "Fill this in." : null;
  }
}

/** What is to be typed first, as a question; null: nothing. */
export function asked(command: Command): string | null {
  if (command.typed !== undefined) return `To go on, type ${command.typed}`;
  const entry = command.entries?.find((each) => each.name === command.again);
  return entry === undefined ? null : `To go on, type again: ${entry.label.toLowerCase()}`;
}

/** What is wrong with what was typed for that. */
export function confirmed(command: Command, values: Values, typed: string): string | null {
  const wanted = command.typed ?? (command.again === undefined ? undefined : values[command.again]);
  if (wanted === undefined || typed.trim() === wanted) return null;
  return `Type exactly ${wanted}.`;
}

export interface Request {
  path: string;
  method: Command["method"];
  body: Values | undefined;
}

/** The request that a command is, under `id` where it takes one. */
export function requestOf(command: Command, values: Values, id: string): Request {
  const said: Values = { ...command.body, ...values };
  const path = command.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const part = String(said[name]);
    delete said[name];
    return encodeURIComponent(part);
  });
  if (command.body === null || command.method === "DELETE") return { path, method: command.method, body: undefined };
  const body = { ...said, ...(command.isOnce ? { id } : {}) };
  return { path, method: command.method, body };
}

export interface Outcome {
  text: string;
  /** Its place in the log; null where it has none. */
  seq: number | null;
  /** A code that is shown this once. */
  code?: string;
}

/** What the venue's answer to a command says. */
export function outcomeOf(answer: unknown): Outcome {
  const said = (answer ?? {}) as Record<string, unknown>;
  const seq = typeof said.seq === "number" ? said.seq : null;
  const proposed = `Proposed as ${said.proposal}: another operator approves it.`;
  if (typeof said.code === "string") return { text: proposed, seq: null, code: said.code };
  if (typeof said.proposal === "number") return { text: proposed, seq };
  if (typeof said.count === "number") return { text: cancelledText(said.count), seq };
  if (typeof said.says === "string") return { text: said.says, seq };
  return { text: "Done.", seq };
}
