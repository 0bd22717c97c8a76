// Spans of time as people write them: in UTC, to the second.

export interface Span {
  from: number;
  /** Null: up to now. */
  to: number | null;
}

/** Before anything was. */
export const EVER = 0;

/** A moment as a field of type datetime-local has it. */
export function typed(time: number): string {
  return new Date(time).toISOString().slice(0, 19);
}

/** The moment that such a field says; undefined where it says none. */
export function moment(text: string): number | undefined {
  const found = Date.parse(`${text}Z`);
  return Number.isNaN(found) ? undefined : found;
}
