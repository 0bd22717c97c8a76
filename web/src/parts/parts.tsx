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

interface Labelled {
  label: string;
  wrong?: string | undefined;
  testid?: string | undefined;
}

/** What a field has of its name, and of what is wrong with it. */
function Around(props: { label: string; wrong: string | undefined; id: string; children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={props.id}>{props.label}</label>
      {props.children}
      {props.wrong !== undefined && (
        <span class="wrong" id={`${props.id}-wrong`}>
          {props.wrong}
        </span>
      )}
    </div>
  );
}

function named(id: string, wrong: string | undefined, testid: string | undefined) {
  return {
    id,
    class: "input",
    "data-testid": testid,
    "aria-invalid": wrong !== undefined,
    "aria-describedby": wrong === undefined ? undefined : `${id}-wrong`,
  };
}

/** What a person types, under its name, with what is wrong with it. */
export function Field({ label, wrong, testid, ...input }: Labelled & JSX.IntrinsicElements["input"]) {
  const id = useId();
  return (
    <Around label={label} wrong={wrong} id={id}>
      <input {...input} {...named(id, wrong, testid)} />
    </Around>
  );
}

/** The same for a text of several lines. */
export function Lines({ label, wrong, testid, ...area }: Labelled & JSX.IntrinsicElements["textarea"]) {
  const id = useId();
  return (
    <Around label={label} wrong={wrong} id={id}>
      <textarea {...area} {...named(id, wrong, testid)} />
    </Around>
  );
}

/** One of some texts, chosen from a list under its name. */
export function Select({
  label,
  wrong,
  testid,
  of,
  chosen,
  ...select
}: Labelled & { of: Readonly<Record<string, string>>; chosen?: string | undefined } & JSX.IntrinsicElements["select"]) {
  const id = useId();
  return (
    <Around label={label} wrong={wrong} id={id}>
      <select {...select} {...named(id, wrong, testid)}>
        {Object.entries(of).map(([value, shown]) => (
          <option key={value} value={value} selected={chosen === undefined ? undefined : value === chosen}>
            {shown}
          </option>
        ))}
      </select>
    </Around>
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

/** What went wrong, where something did. */
export function Wrong({ text }: { text: string | null }) {
  return text === null ? null : <Notice isBad>{text}</Notice>;
}

/** A text of somebody else's: as much of it as there is room for. */
export function Cut({ text }: { text: string }) {
  return (
    <bdi class="cut" title={text}>
      {text}
    </bdi>
  );
}

/** One of a list of facts. */
export function Fact({ name, children, testid }: { name: string; children: ComponentChildren; testid?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={testid}>{children}</dd>
    </div>
  );
}

/** A button for what is not told of by itself. */
export function Again({ again }: { again: () => void }) {
  return (
    <button type="button" class="button" onClick={again}>
      Look again
    </button>
  );
}
