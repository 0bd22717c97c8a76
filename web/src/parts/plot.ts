// A drawing of numbers, as uPlot makes it: in the colours of the theme, and as large as its box.
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colour, isDark } from "../theme.ts";

export interface Plotted {
  box: RefObject<HTMLDivElement | null>;
  /** Draw what `data` says now. */
  redraw: () => void;
}

/** `options` are asked for, and all is drawn anew, when `of` or the theme changes. */
export function usePlot(
  of: unknown,
  options: () => Omit<uPlot.Options, "width" | "height">,
  data: () => uPlot.AlignedData,
): Plotted {
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot | null>(null);
  const theme = isDark.value;
  useEffect(() => {
    const at = box.current;
    if (at === null) return;
    const size = () => ({ width: at.clientWidth, height: at.clientHeight });
    const plot = new uPlot({ ...options(), ...size() }, data(), at);
    drawn.current = plot;
    const watch = new ResizeObserver(() => plot.setSize(size()));
    watch.observe(at);
    return () => {
      watch.disconnect();
      plot.destroy();
      drawn.current = null;
    };
  }, [of, theme]);
  return { box, redraw: () => drawn.current?.setData(data()) };
}

/** What axes look like. */
export function axis(): uPlot.Axis {
  return { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 } };
}
