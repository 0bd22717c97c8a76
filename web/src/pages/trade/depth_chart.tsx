// How much is wanted and offered up to each price: the book, added up from the best price outwards.
import { useSignalEffect } from "@preact/signals";
import uPlot from "uplot";
import type { Rung } from "../../market/book.ts";
import { rungs } from "../../market/book.ts";
import type { Market } from "../../market/market.ts";
import { axis, usePlot } from "../../parts/plot.ts";
import { colour } from "../../theme.ts";

const LEVELS = 200;

/** Prices, then totals of bids and of asks at them; for drawing only. */
export function points(bids: readonly Rung[], asks: readonly Rung[], priceUnit: number, quantityUnit: number) {
  const prices: number[] = [];
  const wanted: (number | null)[] = [];
  const offered: (number | null)[] = [];
  for (const { price, total } of [...bids].reverse()) {
    prices.push(Number(price) * priceUnit);
    wanted.push(Number(total) * quantityUnit);
    offered.push(null);
  }
  for (const { price, total } of asks) {
    prices.push(Number(price) * priceUnit);
    wanted.push(null);
    offered.push(Number(total) * quantityUnit);
  }
  return [prices, wanted, offered] as const;
}

export function DepthChart({ market }: { market: Market }) {
  const { instrument, book } = market;
  const data = () => {
    const [prices, wanted, offered] = points(
      rungs(book.bids, true, 1n, LEVELS),
      rungs(book.asks, false, 1n, LEVELS),
      10 ** -instrument.priceScale,
      10 ** -instrument.quantityScale,
    );
    return [prices, wanted, offered] as uPlot.AlignedData;
  };
  const { box, redraw } = usePlot(market, () => options(market), data);
  useSignalEffect(() => {
    market.bookChanged.value;
    redraw();
  });
  return <div class="chart" ref={box} role="img" aria-label={`Depth of ${instrument.symbol}`} />;
}

function options(market: Market): Omit<uPlot.Options, "width" | "height"> {
  const paths = uPlot.paths.stepped?.({ align: 1 });
  const side = (label: string, name: string): uPlot.Series => ({
    label,
    stroke: colour(`--${name}`),
    fill: colour(`--${name}-ground`),
    width: 1.5,
    ...(paths === undefined ? {} : { paths }),
    points: { show: false },
  });
  return {
    scales: { x: { time: false } },
    axes: [axis(), { ...axis(), size: 60 }],
    series: [{ label: `Price ${market.instrument.quote}` }, side("Bids", "buy"), side("Asks", "sell")],
    legend: { show: false },
  };
}
