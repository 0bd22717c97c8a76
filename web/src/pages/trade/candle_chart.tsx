// Candles and volume. The chart's own logo would need styles that the page's policy forbids: its makers are named below.
import { useSignalEffect } from "@preact/signals";
import {
  CandlestickSeries,
  ColorType,
  createChart,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  type UTCTimestamp,
} from "lightweight-charts";
import { useEffect, useRef } from "preact/hooks";
import type { History } from "../../account/history.ts";
import type { Candle } from "../../market/candles.ts";
import type { Market } from "../../market/market.ts";
import { colour, isDark } from "../../theme.ts";
import { OwnMarks } from "./own_marks.ts";

interface Drawn {
  chart: IChartApi;
  candles: ISeriesApi<"Candlestick">;
  volume: ISeriesApi<"Histogram">;
  own: OwnMarks;
  /** Colours of the volume. */
  rose: string;
  fell: string;
}

function options() {
  return {
    layout: {
      attributionLogo: false,
      background: { type: ColorType.Solid, color: colour("--panel") },
      textColor: colour("--quiet"),
    },
    grid: { vertLines: { color: colour("--line") }, horzLines: { color: colour("--line") } },
    rightPriceScale: { borderColor: colour("--line") },
    timeScale: { borderColor: colour("--line"), timeVisible: true, secondsVisible: true, rightOffset: 4 },
  };
}

function made(box: HTMLElement, market: Market): Drawn {
  const chart = createChart(box, { ...options(), autoSize: true });
  const { instrument } = market;
  const candles = chart.addSeries(CandlestickSeries, {
    priceFormat: { type: "price", precision: instrument.priceScale, minMove: 10 ** -instrument.priceScale },
  });
  const volume = chart.addSeries(HistogramSeries, { priceFormat: { type: "volume" }, priceScaleId: "" });
  volume.priceScale().applyOptions({ scaleMargins: { top: 0.8, bottom: 0 } });
  return { chart, candles, volume, own: new OwnMarks(candles), rose: "", fell: "" };
}

const second = (candle: Candle) => (candle.time / 1000) as UTCTimestamp;
const bar = (candle: Candle) => ({ ...candle, time: second(candle) });

function paint({ candles, volume, rose, fell }: Drawn, { candles: known }: Market): void {
  const column = (candle: Candle) => ({
    time: second(candle),
    value: candle.volume,
    color: candle.close < candle.open ? fell : rose,
  });
  const { fresh } = known;
  for (const candle of fresh ?? []) {
    candles.update(bar(candle));
    volume.update(column(candle));
  }
  if (fresh === null) {
    candles.setData(known.all.map(bar));
    volume.setData(known.all.map(column));
  }
  known.drawn();
}

/** Draw all of it, in the theme's colours. */
function paintAnew(drawn: Drawn, market: Market): void {
  dress(drawn);
  market.candles.drawAgain();
  paint(drawn, market);
}

export function CandleChart({ market, history }: { market: Market; history: History }) {
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawn | null>(null);
  useEffect(() => {
    if (box.current === null) return;
    const now = made(box.current, market);
    drawn.current = now;
    paintAnew(now, market);
    return () => {
      drawn.current = null;
      now.chart.remove();
    };
  }, [market]);
  useSignalEffect(() => {
    market.candlesChanged.value;
    if (drawn.current !== null) paint(drawn.current, market);
  });
  useSignalEffect(() => {
    isDark.value;
    if (drawn.current !== null) paintAnew(drawn.current, market);
  });
  useSignalEffect(() => {
    history.fills.changed.value;
    market.candlesChanged.value;
    isDark.value;
    drawn.current?.own.draw(history.fills.rows, market.candles.all);
  });
  return <div class="chart" ref={box} role="img" aria-label={`Candles of ${market.instrument.symbol}`} />;
}

/** Give it the theme's colours. */
function dress(drawn: Drawn): void {
  drawn.chart.applyOptions(options());
  const buy = colour("--buy");
  const sell = colour("--sell");
  drawn.candles.applyOptions({
    upColor: buy,
    downColor: sell,
    borderUpColor: buy,
    borderDownColor: sell,
    wickUpColor: buy,
    wickDownColor: sell,
  });
  drawn.rose = colour("--buy-ground");
  drawn.fell = colour("--sell-ground");
}
