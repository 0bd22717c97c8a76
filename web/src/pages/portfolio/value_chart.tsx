// Values over time. Where there is none the line has a hole.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { PastValue } from "../../net/v1.ts";
import { colour, isDark } from "../../theme.ts";

const DAY_S = 86_400;
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const hour = new Intl.DateTimeFormat("en-GB", { timeStyle: "short", timeZone: "UTC" });

/** Seconds since 1970 and values; for drawing only. */
export function points(values: readonly PastValue[]): [number[], (number | null)[]] {
  return [values.map(({ time }) => time / 1000), values.map(({ value }) => (value === null ? null : Number(value)))];
}

export function ValueChart(props: { values: readonly PastValue[]; quote: string; intervalMs: number }) {
  const { values, quote, intervalMs } = props;
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot | null>(null);
  isDark.value;
  useEffect(() => {
    const at = box.current;
    if (at === null) return;
    const plot = new uPlot(options(at, quote), points(values), at);
    drawn.current = plot;
    const watch = new ResizeObserver(() => plot.setSize({ width: at.clientWidth, height: at.clientHeight }));
    watch.observe(at);
    return () => {
      watch.disconnect();
      plot.destroy();
      drawn.current = null;
    };
  }, [quote, intervalMs, isDark.value]);
  useEffect(() => drawn.current?.setData(points(values)), [values]);
  return (
    <div class="value-chart" ref={box} role="img" aria-label={`Value over time in ${quote}: see the table below`} />
  );
}

function options(at: HTMLElement, quote: string): uPlot.Options {
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 } };
  const named = (_: uPlot, splits: number[], _axis: number, _space: number, step: number) =>
    splits.map((at) => (step >= DAY_S || at % DAY_S === 0 ? day : hour).format(at * 1000));
  return {
    width: at.clientWidth,
    height: at.clientHeight,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    axes: [
      { ...axis, values: named },
      { ...axis, size: 90 },
    ],
    series: [{}, { label: quote, stroke: colour("--accent"), width: 2, spanGaps: false, points: { show: false } }],
    legend: { show: false },
    cursor: { y: false },
  };
}
