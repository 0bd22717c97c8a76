// Values over time. Where there is none the line has a hole.
import { useEffect } from "preact/hooks";
import uPlot from "uplot";
import type { PastValue } from "../../net/v1.ts";
import { axis, usePlot } from "../../parts/plot.ts";
import { colour } from "../../theme.ts";

const DAY_S = 86_400;
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const hour = new Intl.DateTimeFormat("en-GB", { timeStyle: "short", timeZone: "UTC" });

/** Seconds since 1970 and values; for drawing only. */
export function points(values: readonly PastValue[]): [number[], (number | null)[]] {
  return [values.map(({ time }) => time / 1000), values.map(({ value }) => (value === null ? null : Number(value)))];
}

export function ValueChart({ values, quote }: { values: readonly PastValue[]; quote: string }) {
  const { box, redraw } = usePlot(
    quote,
    () => options(quote),
    () => points(values),
  );
  useEffect(redraw, [values]);
  return (
    <div class="value-chart" ref={box} role="img" aria-label={`Value over time in ${quote}: see the table below`} />
  );
}

function options(quote: string): Omit<uPlot.Options, "width" | "height"> {
  const named = (_: uPlot, splits: number[], _axis: number, _space: number, step: number) =>
    splits.map((at) => (step >= DAY_S || at % DAY_S === 0 ? day : hour).format(at * 1000));
  return {
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    axes: [
      { ...axis(), values: named },
      { ...axis(), size: 90 },
    ],
    series: [{}, { label: quote, stroke: colour("--accent"), width: 2, spanGaps: false }],
    legend: { show: false },
    cursor: { y: false },
  };
}
