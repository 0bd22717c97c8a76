// A button that asks before it does what can't be undone.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Dialog } from "./dialog.tsx";

export interface ConfirmedProps {
  /** What stands on the button, and on the one that confirms. */
  label: string;
  /** The button's whole name, where its label is not enough. */
  name?: string;
  isBusy?: boolean;
  act: () => void;
  /** What becomes of it. */
  children: ComponentChildren;
}

export function Confirmed({ label, name = label, isBusy = false, act, children }: ConfirmedProps) {
  const isAsked = useSignal(false);
  const leave = () => {
    isAsked.value = false;
  };
  return (
    <>
      <button
        type="button"
        class="button"
        aria-label={name}
        disabled={isBusy}
        onClick={() => {
          isAsked.value = true;
        }}
      >
        {label}
      </button>
      {isAsked.value && (
        <Dialog title={name} leave={leave}>
          <div class="form">
            {children}
            <div class="buttons">
              <button
                type="button"
                class="button first"
                onClick={() => {
                  leave();
                  act();
                }}
              >
                {label}
              </button>
              <button type="button" class="button" onClick={leave}>
                Leave it
              </button>
            </div>
          </div>
        </Dialog>
      )}
    </>
  );
}
