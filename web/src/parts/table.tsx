// A table of any length: of many rows only those are drawn that can be seen, and further ones are asked for at the end.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface Column<T> {
  /** What stands above it. Two columns of a table have two names. */
  name: string;
  shown: (row: T) => ComponentChildren;
  /** Whether the name is for those who can't see the row: it is clear of itself. */
  isNameHidden?: boolean;
}

export interface TableProps<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string | number;
  /** What stands there instead of no rows. */
  empty: string;
  /** Ask for what comes behind the last row. It is called when that is nearly seen; null: there is nothing more. */
  more?: (() => void) | null;
  testid?: string;
  /** What scripts call a row. */
  rowTestid?: (row: T) => string;
}

const ROW_PX = 30; // as parts.css has it
const AHEAD = 12; // so many rows are drawn before and behind those that are seen
const ALL = 60; // so few rows are drawn all

export function Table<T>({ label, columns, rows, keyOf, empty, more = null, testid, rowTestid }: TableProps<T>) {
  const box = useRef<HTMLElement>(null);
  const [seen, setSeen] = useState({ first: 0, count: ALL });
  const look = () => {
    const { scrollTop = 0, clientHeight = 0 } = box.current ?? {};
    const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - AHEAD);
    const count = Math.ceil(clientHeight / ROW_PX) + 2 * AHEAD;
    setSeen((before) => (before.first === first && before.count === count ? before : { first, count }));
  };
  const isWindow = rows.length > ALL;
  const first = isWindow ? Math.min(seen.first, rows.length) : 0;
  const end = isWindow ? Math.min(first + seen.count, rows.length) : rows.length;
  const isEndNear = end >= rows.length - AHEAD;
  useEffect(() => {
    if (isEndNear && rows.length > 0) more?.();
  }, [isEndNear, rows.length, more]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse scrolls it by keys
    <section class="table" ref={box} tabIndex={0} aria-label={label} onScroll={look}>
      <table data-testid={testid} aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            {columns.map(({ name, isNameHidden }) => (
              <th key={name} scope="col">
                {isNameHidden ? <span class="hidden-text">{name}</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Space rows={first} columns={columns.length} />
          {rows.slice(first, end).map((row, i) => (
            <tr key={keyOf(row)} aria-rowindex={first + i + 2} data-testid={rowTestid?.(row)}>
              {columns.map(({ name, shown }) => (
                <td key={name}>{shown(row)}</td>
              ))}
            </tr>
          ))}
          <Space rows={rows.length - end} columns={columns.length} />
        </tbody>
      </table>
      {rows.length === 0 && <p class="quiet none">{empty}</p>}
    </section>
  );
}

/** Where rows are that nobody sees. */
function Space({ rows, columns }: { rows: number; columns: number }) {
  if (rows === 0) return null;
  return (
    <tr>
      <td class="space" colSpan={columns} style={{ height: `${rows * ROW_PX}px` }} />
    </tr>
  );
}
