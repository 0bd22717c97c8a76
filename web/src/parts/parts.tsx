// The page's own parts. Each is the element that browsers have for it, with our look and nothing more.
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

/** A box with a heading; `aside` stands beside it. */
export function Panel(props: {
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
  class?: string;
}) {
  const id = useId();
  return (
    <section class={`panel ${props.class ?? ""}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{props.title}</h2>
        {props.aside}
      </header>
      <div class="within">{props.children}</div>
    </section>
  );
}

/** One of a few, each a button. */
export function Choices<T extends string>(props: {
  label: string;
  of: readonly T[];
  chosen: T | null;
  choose: (one: T) => void;
  shown?: (one: T) => string;
}) {
  return (
    <fieldset class="choices">
      <legend class="hidden-text">{props.label}</legend>
      {props.of.map((one) => (
        <button
          key={one}
          type="button"
          class="button plain"
          aria-pressed={one === props.chosen}
          onClick={() => props.choose(one)}
        >
          {props.shown?.(one) ?? one}
        </button>
      ))}
    </fieldset>
  );
}

/** What a person types, under its name, with what is wrong with it. */
export function Field(
  props: { label: string; wrong?: string | undefined; testid?: string } & JSX.IntrinsicElements["input"],
) {
  const { label, wrong, testid, ...input } = props;
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...input}
        id={id}
        class="input"
        data-testid={testid}
        aria-invalid={wrong !== undefined}
        aria-describedby={wrong === undefined ? undefined : `${id}-wrong`}
      />
      {wrong !== undefined && (
        <span class="wrong" id={`${id}-wrong`}>
          {wrong}
        </span>
      )}
    </div>
  );
}

/** The same for a text of several lines. */
export function Lines(
  props: { label: string; wrong?: string | undefined; testid?: string } & JSX.IntrinsicElements["textarea"],
) {
  const { label, wrong, testid, ...area } = props;
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        {...area}
        id={id}
        class="input"
        data-testid={testid}
        aria-invalid={wrong !== undefined}
        aria-describedby={wrong === undefined ? undefined : `${id}-wrong`}
      />
      {wrong !== undefined && (
        <span class="wrong" id={`${id}-wrong`}>
          {wrong}
        </span>
      )}
    </div>
  );
}

/** One of some texts, chosen from a list under its name. */
export function Select(
  props: { label: string; of: Readonly<Record<string, string>>; testid?: string } & JSX.IntrinsicElements["select"],
) {
  const { label, of, testid, ...select } = props;
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select {...select} id={id} class="input" data-testid={testid}>
        {Object.entries(of).map(([value, shown]) => (
          <option key={value} value={value}>
            {shown}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Something that people should see. */
export function Notice(props: { children: ComponentChildren; isBad?: boolean }) {
  return (
    <div class={props.isBad ? "notice bad" : "notice"} role={props.isBad ? "alert" : "status"}>
      {props.children}
    </div>
  );
}
