// What this browser remembers of a person's choices between two visits. One that keeps nothing forgets them.

export function kept(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // It is chosen for this page alone.
  }
}
