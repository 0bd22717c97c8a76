// Which page the address names. Links of our own change it without loading the document again.
import { signal } from "@preact/signals";

export const path = signal(location.pathname);
/** What the address asks of that page, behind its "?". */
export const query = signal(location.search);

function read(): void {
  path.value = location.pathname;
  query.value = location.search;
}

window.addEventListener("popstate", read);

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || link.origin !== location.origin || link.target !== "") return;
  if (link.hasAttribute("download")) return;
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.pathname.startsWith("/docs") || link.pathname.startsWith("/v1")) return; // the venue's own pages
  if (link.hash !== "" && link.pathname === location.pathname) return; // a place of this very page
  event.preventDefault();
  go(link.pathname + link.search);
});

export function go(to: string): void {
  if (to === location.pathname + location.search) return;
  const isElsewhere = new URL(to, location.href).pathname !== location.pathname;
  history.pushState(null, "", to);
  read();
  if (isElsewhere) scrollTo(0, 0);
}

/** A part of the address as it was meant; as it stands where that can't be said. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
