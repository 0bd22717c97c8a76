// One's own fills on the candles: an arrow up under the candle of a purchase, one down above that of a sale.
import {
  createSeriesMarkers,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  type SeriesMarker,
  type Time,
} from "lightweight-charts";
import type { FillRow } from "../../account/history.ts";
import type { Candle } from "../../market/candles.ts";
import { colour } from "../../theme.ts";
import { marksOf } from "../../trade/marks.ts";

/** The marks of a chart's candles. */
export class OwnMarks {
  private readonly markers: ISeriesMarkersPluginApi<Time>;
  private drawn = "";

  constructor(series: ISeriesApi<"Candlestick">) {
    this.markers = createSeriesMarkers(series, []);
  }

  /** Draw them where they are now, if that is not where they are drawn. */
  draw(fills: readonly FillRow[], candles: readonly Candle[]): void {
    const marks = marksOf(fills, candles).map(({ time, isBuy, fills }): SeriesMarker<Time> => {
      const what = isBuy ? "bought" : "sold";
      return {
        time: (time / 1000) as Time,
        position: isBuy ? "belowBar" : "aboveBar",
        shape: isBuy ? "arrowUp" : "arrowDown",
        color: colour(isBuy ? "--buy" : "--sell"),
        text: fills === 1 ? what : `${what} ${fills}×`,
      };
    });
    const text = JSON.stringify(marks);
    if (text === this.drawn) return;
    this.drawn = text;
    this.markers.setMarkers(marks);
  }
}
