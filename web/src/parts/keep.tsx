// Texts that a person takes along: into the clipboard, or into a file.
import { useSignal } from "@preact/signals";

/** A button that copies a text; where a browser does not let pages do that, it says so. */
export function Copy({ text, name }: { text: string; name: string }) {
  const said = useSignal("Copy");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      said.value = "Copied";
    } catch {
      said.value = "Can't copy here: select it"; // without TLS a page has no clipboard but on localhost
    }
  };
  return (
    <button type="button" class="button" onClick={() => void copy()}>
      <span aria-live="polite">{said.value}</span>
      <span class="hidden-text"> {name}</span>
    </button>
  );
}

/** Have the browser keep a text, or bytes, as a file. */
export function save(name: string, body: string | Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(typeof body === "string" ? new Blob([body], { type: "text/plain" }) : body);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // once it is kept
}
