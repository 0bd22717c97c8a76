// What keys do, for who wants to know, and turning that off.
import { Dialog } from "../parts/dialog.tsx";
import { areOn, isHelpOpen, turn } from "./keyboard.ts";
import { SHORTCUTS } from "./shortcuts.ts";
import { begin } from "./tour.tsx";

/** The button that opens it, for who has no keyboard, or has turned the keys off. */
export function HelpButton() {
  return (
    <button
      type="button"
      class="button"
      aria-label="Help: keys and tour"
      data-testid="help-open"
      onClick={() => {
        isHelpOpen.value = true;
      }}
    >
      ?
    </button>
  );
}

export function Help() {
  if (!isHelpOpen.value) return null;
  const leave = () => {
    isHelpOpen.value = false;
  };
  return (
    <Dialog title="Help" leave={leave}>
      <div class="form">
        <table class="keys" data-testid="keys">
          <caption class="hidden-text">What keys do</caption>
          <tbody>
            {SHORTCUTS.map(({ keys, what }) => (
              <tr key={keys}>
                <th scope="row">
                  {keys.split(" ").map((key, i) => (
                    <>
                      {i > 0 && " then "}
                      <kbd key={key}>{key}</kbd>
                    </>
                  ))}
                </th>
                <td>{what}</td>
              </tr>
            ))}
            <tr>
              <th scope="row">
                <kbd>Esc</kbd>
              </th>
              <td>Leave a dialog, or the tour</td>
            </tr>
          </tbody>
        </table>
        <p class="quiet">
          None of them does anything while you type in a field. Tab and Enter reach everything without them.
        </p>
        <label class="check">
          <input
            type="checkbox"
            checked={areOn.value}
            data-testid="keys-on"
            onChange={(event) => turn(event.currentTarget.checked)}
          />
          These keys are on
        </label>
        <button
          type="button"
          class="button first"
          data-testid="tour-again"
          onClick={() => {
            leave();
            begin();
          }}
        >
          Show me around
        </button>
      </div>
    </Dialog>
  );
}
