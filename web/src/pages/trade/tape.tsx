// The tape: trades as they were made, the newest first; what was undone or corrected is struck out.
import type { Market } from "../../market/market.ts";
import { grouped } from "../../number/decimal.ts";
import { Panel } from "../../parts/parts.tsx";

const ROWS = 30;
const DAY_S = 86_400;
const two = (number: number) => String(number).padStart(2, "0");

/** A time of day, UTC: thirty of them are shown seven times a second. */
function clockTime(timeMs: number): string {
  const second = Math.floor(timeMs / 1000) % DAY_S;
  return `${two(Math.floor(second / 3600))}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}`;
}

export function TapePanel({ market }: { market: Market }) {
  const { instrument, tape } = market;
  market.tapeChanged.value;
  return (
    <Panel title="Trades" class="tape" aside={<span class="quiet">UTC</span>}>
      <table data-testid="tape">
        <thead>
          <tr>
            <th scope="col">Price {instrument.quote}</th>
            <th scope="col">Quantity {instrument.base}</th>
            <th scope="col">Time</th>
          </tr>
        </thead>
        <tbody>
          {tape.trades.slice(0, ROWS).map((trade, place) => (
            <tr key={place} class={trade.corrected === undefined ? "" : "corrected"}>
              <td class={trade.isSell ? "sell" : "buy"}>
                <span aria-hidden="true">{trade.isSell ? "▼" : "▲"}</span>
                <span class="hidden-text">{trade.isSell ? "sold at " : "bought at "}</span>
                {trade.corrected === undefined ? (
                  grouped(shown(market, trade.price))
                ) : (
                  <>
                    <s>{grouped(shown(market, trade.price))}</s>{" "}
                    {trade.corrected === "undone" ? "undone" : grouped(shown(market, trade.corrected))}
                  </>
                )}
              </td>
              <td>{instrument.quantityText(instrument.quantity(trade.quantity))}</td>
              <td>{clockTime(trade.time)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {tape.trades.length === 0 && <p class="quiet within-empty">Nothing has been traded yet.</p>}
    </Panel>
  );
}

function shown(market: Market, price: string): string {
  return market.instrument.priceText(market.instrument.price(price));
}
