// A place of the page that is fetched when somebody goes there.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Notice } from "./parts.tsx";

export type Fetch = () => Promise<{ Place: ComponentType }>;

export function Later({ fetch }: { fetch: Fetch }) {
  const [found, setFound] = useState<{ Place: ComponentType } | "missing" | null>(null);
  useEffect(() => {
    let isWanted = true;
    setFound(null);
    fetch().then(
      (place) => isWanted && setFound(place),
      () => isWanted && setFound("missing"),
    );
    return () => {
      isWanted = false;
    };
  }, [fetch]);
  if (found === "missing") {
    return (
      <Notice isBad>This part of the page can't be fetched: the venue is away, or runs a newer page. Reload.</Notice>
    );
  }
  return found === null ? <p class="quiet none">Fetching …</p> : <found.Place />;
}
