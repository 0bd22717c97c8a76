// The tape: trades as they were made, the newest first; what was undone or corrected is struck out.
import type { Market } from "../../market/market.ts";
import { grouped } from "../../number/decimal.ts";
import { Panel } from "../../parts/parts.tsx";

const ROWS = 40;
const clockTime = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: "UTC" });

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
          {tape.trades.slice(0, ROWS).map((trade) => (
            <tr key={trade.id} class={trade.corrected === undefined ? "" : "corrected"}>
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
              <td>{clockTime.format(trade.time)}</td>
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
