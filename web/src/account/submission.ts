// A form on its way to the venue: it goes once at a time, and what is wrong stands beside the field that it is about.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Problem, told } from "../net/http.ts";

/** What a form has under a name. */
export type Texts = (name: string) => string;

/** What this page finds wrong with a field, before it asks the venue. */
export function mistake(field: string, text: string): Problem {
  return new Problem(422, "INVALID", text, field);
}

/** `fields` are those that have a place for what is wrong with them. `send` throws Problem or NoAnswer. */
export function useSubmission(fields: readonly string[], send: (texts: Texts, form: FormData) => Promise<void>) {
  const isSending = useRef(false);
  const isBusy = useSignal(false);
  const wrong = useSignal<Readonly<Record<string, string>>>({});
  const rest = useSignal<string | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isSending.current) return; // a double click
    isSending.current = true;
    const form = new FormData(event.currentTarget as HTMLFormElement);
    isBusy.value = true;
    wrong.value = {};
    rest.value = null;
    try {
      await send((name) => String(form.get(name) ?? ""), form);
    } catch (error) {
      const text = told(error);
      const field = error instanceof Problem ? error.field : undefined;
      if (field !== undefined && fields.includes(field)) wrong.value = { [field]: text };
      else rest.value = text;
    } finally {
      isSending.current = false;
      isBusy.value = false;
    }
  };
  return { submit, isBusy: isBusy.value, wrong: wrong.value, rest: rest.value };
}

/** Something that a button does: once at a time, and what went wrong is told. `deed` throws Problem or NoAnswer. */
export function useDeed() {
  const isBusy = useSignal(false);
  const problem = useSignal<string | null>(null);
  const run = async (deed: () => Promise<void>) => {
    if (isBusy.peek()) return;
    isBusy.value = true;
    problem.value = null;
    try {
      await deed();
    } catch (error) {
      problem.value = told(error);
    } finally {
      isBusy.value = false;
    }
  };
  return { run: (deed: () => Promise<void>) => void run(deed), isBusy: isBusy.value, problem: problem.value };
}
