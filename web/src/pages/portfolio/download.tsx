// A button that fetches a file, as who is logged in, and keeps it where the browser keeps files.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { told } from "../../net/http.ts";
import { fetchFile } from "../../net/session.ts";
import { save } from "../../parts/keep.tsx";

export function Download({ path, label, testid }: { path: string; label: string; testid: string }) {
  const under = useRef<AbortController | null>(null);
  const isBusy = useSignal(false);
  const wrong = useSignal<string | null>(null);
  useEffect(() => () => under.current?.abort(), []);
  const fetch = async () => {
    const mine = new AbortController();
    under.current = mine;
    isBusy.value = true;
    wrong.value = null;
    try {
      const { name, body } = await fetchFile(path, mine.signal);
      save(name, body);
    } catch (error) {
      const text = told(error);
      if (!mine.signal.aborted) wrong.value = text;
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <span class="download">
      <button
        type="button"
        class="button"
        data-testid={testid}
        onClick={() => (isBusy.value ? under.current?.abort() : void fetch())}
      >
        {isBusy.value ? "Cancel the download" : label}
      </button>
      {wrong.value !== null && (
        <span class="sell" role="alert">
          {wrong.value}
        </span>
      )}
    </span>
  );
}
