// What the venue has done in the last minutes, drawn: commands and events a second, and what the database lacks.
import { useEffect } from "preact/hooks";
import type uPlot from "uplot";
import { axis, usePlot } from "../../parts/plot.ts";
import { colour } from "../../theme.ts";
import { count } from "./shown.tsx";

/** One look. */
export interface Moment {
  atS: number;
  commands: number;
  events: number;
  /** Records that the database does not have yet. */
  lag: number;
}

const LEAST_SPAN_S = 60;
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: "UTC" });

export function Rates({ moments }: { moments: readonly Moment[] }) {
  const { box, redraw } = usePlot(null, options, () => [
    moments.map((each) => each.atS),
    moments.map((each) => each.commands),
    moments.map((each) => each.events),
    moments.map((each) => each.lag),
  ]);
  useEffect(redraw, [moments]);
  const now = moments.at(-1);
  return (
    <>
      <dl class="facts">
        <Key name="Commands a second" mark="rate-commands" value={now?.commands} />
        <Key name="Events a second" mark="rate-events" value={now?.events} />
        <Key name="Records that the database lacks" mark="rate-lag" value={now?.lag} />
      </dl>
      <div class="rates-chart" ref={box} role="img" aria-label="Rates and lags of the last minutes" />
    </>
  );
}

/** What a line stands for, and where it is now. */
function Key({ name, mark, value }: { name: string; mark: string; value: number | undefined }) {
  return (
    <div>
      <dt>
        <span class={`mark ${mark}`} aria-hidden="true" /> {name}
      </dt>
      <dd data-testid={mark}>{value === undefined ? "–" : count(value)}</dd>
    </div>
  );
}

function options(): Omit<uPlot.Options, "width" | "height"> {
  const line = (label: string, name: string, dash?: number[]): uPlot.Series => ({
    label,
    stroke: colour(name),
    width: 1.5,
    points: { show: false },
    ...(dash === undefined ? {} : { dash }),
  });
  return {
    scales: { x: { range: (_, min, max) => [Math.min(min, max - LEAST_SPAN_S), max] } },
    axes: [
      { ...axis(), values: (_, times) => times.map((each) => clock.format(each * 1000)) },
      { ...axis(), size: 60 },
    ],
    series: [{}, line("Commands", "--buy"), line("Events", "--sell", [6, 3]), line("Lag", "--quiet", [2, 3])],
    legend: { show: false },
  };
}
