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
import type { Candle } from "../../market/candles.ts";
import type { Market } from "../../market/market.ts";
import { colour, isDark } from "../../theme.ts";

interface Drawn {
  chart: IChartApi;
  candles: ISeriesApi<"Candlestick">;
  volume: ISeriesApi<"Histogram">;
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
    timeScale: { borderColor: colour("--line"), timeVisible: true, secondsVisible: true },
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
  return { chart, candles, volume };
}

const second = (candle: Candle) => (candle.time / 1000) as UTCTimestamp;
const bar = (candle: Candle) => ({ ...candle, time: second(candle) });

function paint({ candles, volume }: Drawn, market: Market): void {
  const rose = colour("--buy-ground");
  const fell = colour("--sell-ground");
  const column = (candle: Candle) => ({
    time: second(candle),
    value: candle.volume,
    color: candle.close < candle.open ? fell : rose,
  });
  if (market.freshCandle !== null) {
    candles.update(bar(market.freshCandle));
    volume.update(column(market.freshCandle));
    return;
  }
  candles.setData(market.candles.all.map(bar));
  volume.setData(market.candles.all.map(column));
}

export function CandleChart({ market }: { market: Market }) {
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawn | null>(null);
  useEffect(() => {
    if (box.current === null) return;
    const now = made(box.current, market);
    drawn.current = now;
    dress(now);
    paint({ ...now }, market);
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
    if (drawn.current === null) return;
    dress(drawn.current);
    market.freshCandle = null;
    paint(drawn.current, market);
  });
  return <div class="chart" ref={box} role="img" aria-label={`Candles of ${market.instrument.symbol}`} />;
}

/** Give it the theme's colours. */
function dress({ chart, candles }: Drawn): void {
  chart.applyOptions(options());
  const buy = colour("--buy");
  const sell = colour("--sell");
  candles.applyOptions({
    upColor: buy,
    downColor: sell,
    borderUpColor: buy,
    borderDownColor: sell,
    wickUpColor: buy,
    wickDownColor: sell,
  });
}
