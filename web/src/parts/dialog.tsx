// A dialog, as browsers have it: it keeps the keyboard inside, and Escape leaves it.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

export function Dialog(props: { title: string; leave: () => void; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    box.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={box}
      class="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        props.leave();
      }}
    >
      <header>
        <h2 id={id}>{props.title}</h2>
        <button type="button" class="button plain" aria-label="Close" onClick={props.leave}>
          ×
        </button>
      </header>
      {props.children}
    </dialog>
  );
}
