// The dialog before a command is carried out: its fields, and a text to be typed where it can't be taken back.
import { type ComponentChildren, toChildArray } from "preact";
import { Dialog } from "../../parts/dialog.tsx";
import { Field, Wrong } from "../../parts/parts.tsx";

/** The name of the field that a text is typed into. */
export const TYPED = "confirm-text";

export interface CommandFormProps {
  title: string;
  /** What it does. */
  says: string;
  /** The word on the button that does it. */
  verb: string;
  /** Asked for in a field, if given. Whoever takes the form compares it. */
  typed?: string | undefined;
  /** What is wrong with what was typed, and with the whole. */
  typedWrong?: string | undefined;
  wrong: string | null;
  /** Further fields. They can't be changed while `isFixed`. */
  children?: ComponentChildren;
  isFixed?: boolean;
  isBusy: boolean;
  go: (form: FormData) => void;
  leave: () => void;
}

export function CommandForm(props: CommandFormProps) {
  const isAlone = toChildArray(props.children).length === 0; // the keyboard begins at what is typed, or at the button
  return (
    <Dialog title={props.title} leave={props.leave}>
      <form
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          props.go(new FormData(event.currentTarget));
        }}
      >
        <p class="quiet">{props.says}</p>
        <fieldset class="form fields" disabled={props.isFixed}>
          <legend class="hidden-text">What is asked of you</legend>
          {props.children}
          {props.typed !== undefined && (
            <Field
              label={props.typed}
              name={TYPED}
              autocomplete="off"
              autocapitalize="off"
              spellcheck={false}
              maxLength={64}
              wrong={props.typedWrong}
              testid="confirm-text"
              autofocus={isAlone}
            />
          )}
        </fieldset>
        <Wrong text={props.wrong} />
        <div class="buttons">
          <button
            type="submit"
            class="button first"
            aria-disabled={props.isBusy}
            autofocus={isAlone && props.typed === undefined}
            data-testid="confirm-submit"
          >
            {props.verb}
          </button>
          <button type="button" class="button" onClick={props.leave} data-testid="confirm-leave">
            Leave it
          </button>
        </div>
      </form>
    </Dialog>
  );
}
