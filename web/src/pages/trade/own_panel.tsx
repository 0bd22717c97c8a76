// One's own, under the market: open orders, fills, balances.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isLive, own } from "../../account/line.ts";
import { told } from "../../net/http.ts";
import { call, state } from "../../net/session.ts";
import type { FillShown, OrderShown } from "../../net/v1.ts";
import { grouped } from "../../number/decimal.ts";
import { Choices, Notice, Panel } from "../../parts/parts.tsx";

const TABS = ["Open orders", "Fills", "Balances"] as const;
type Tab = (typeof TABS)[number];
const clockTime = new Intl.DateTimeFormat("en-GB", { dateStyle: "short", timeStyle: "medium", timeZone: "UTC" });
const MOST_ROWS = 200;

export function OwnPanel({ symbol }: { symbol: string }) {
  const tab = useSignal<Tab>("Open orders");
  const isHere = useSignal(true);
  const problem = useSignal<string | null>(null);
  own.changed.value;
  const isSomebody = state.value === "somebody";
  useEffect(() => {
    if (!isSomebody) return;
    call<FillShown[]>(`/v1/fills?symbol=${symbol}&limit=100`).then(
      (fills) => own.merge(fills),
      (error) => {
        problem.value = told(error);
      },
    );
  }, [symbol, isSomebody, problem]);
  const ours = <T extends { symbol: string }>(rows: Iterable<T>) =>
    [...rows].filter((row) => !isHere.value || row.symbol === symbol);
  const cancel = async (path: string) => {
    problem.value = null;
    try {
      await call(path, { method: "DELETE" });
    } catch (error) {
      problem.value = told(error);
    }
  };
  const open = ours(own.open.values());
  return (
    <Panel
      title="Yours"
      class="own"
      aside={
        <>
          <Choices<Tab>
            label="What of yours"
            of={TABS}
            chosen={tab.value}
            choose={(one) => {
              tab.value = one;
            }}
            shown={(one) => (one === "Open orders" ? `Open orders (${own.open.size})` : one)}
          />
          <label class="check">
            <input
              type="checkbox"
              checked={isHere.value}
              onChange={(event) => {
                isHere.value = event.currentTarget.checked;
              }}
            />
            {symbol} only
          </label>
          {open.length > 0 && tab.value === "Open orders" && (
            <button
              type="button"
              class="button"
              onClick={() => void cancel(isHere.value ? `/v1/orders?symbol=${symbol}` : "/v1/orders")}
            >
              Cancel all
            </button>
          )}
        </>
      }
    >
      {!isSomebody && <p class="quiet within-empty">Log in to see your orders, fills and balances.</p>}
      {isSomebody && !isLive.value && <Notice>These are not up to date: reconnecting …</Notice>}
      {problem.value !== null && <Notice isBad>{problem.value}</Notice>}
      {tab.value === "Open orders" && <OpenOrders orders={open} cancel={(id) => void cancel(`/v1/orders/${id}`)} />}
      {tab.value === "Fills" && <Fills fills={ours(own.fills)} />}
      {tab.value === "Balances" && <Balances />}
    </Panel>
  );
}

function OpenOrders({ orders, cancel }: { orders: OrderShown[]; cancel: (id: number) => void }) {
  return (
    <table data-testid="open-orders">
      <thead>
        <tr>
          {["Symbol", "Side", "Type", "Price", "Stop", "Quantity", "Filled", "Entered", ""].map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {orders
          .sort((a, b) => b.order_id - a.order_id)
          .slice(0, MOST_ROWS)
          .map((order) => (
            <tr key={order.order_id}>
              <td>{order.symbol}</td>
              <td class={order.side}>{order.side}</td>
              <td>{order.type.replaceAll("_", " ")}</td>
              <td>{order.price === null ? "–" : grouped(order.price)}</td>
              <td>{order.stop_price === null ? "–" : grouped(order.stop_price)}</td>
              <td>{order.quantity ?? order.budget}</td>
              <td>{order.filled}</td>
              <td>{clockTime.format(order.entered)}</td>
              <td>
                <button
                  type="button"
                  class="button"
                  aria-label={`Cancel ${order.side} of ${order.quantity ?? order.budget} ${order.symbol}`}
                  onClick={() => cancel(order.order_id)}
                >
                  Cancel
                </button>
              </td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

function Fills({ fills }: { fills: FillShown[] }) {
  return (
    <table data-testid="fills">
      <thead>
        <tr>
          {["Symbol", "Side", "Price", "Quantity", "Value", "Fee", "", "Time"].map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {fills.slice(0, MOST_ROWS).map((fill) => (
          <tr key={`${fill.seq}/${fill.trade_id}/${fill.order_id}`}>
            <td>{fill.symbol}</td>
            <td class={fill.side}>{fill.side}</td>
            <td>{grouped(fill.price)}</td>
            <td>{fill.quantity}</td>
            <td>{grouped(fill.value)}</td>
            <td>
              {fill.fee} {fill.fee_asset}
            </td>
            <td>{fill.liquidity}</td>
            <td>{clockTime.format(fill.time)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Balances() {
  return (
    <table data-testid="balances">
      <thead>
        <tr>
          {["Asset", "Free", "Held", "Total"].map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {[...own.balances.values()].map((balance) => (
          <tr key={balance.asset}>
            <td>{balance.asset}</td>
            <td>{grouped(balance.free)}</td>
            <td>{grouped(balance.held)}</td>
            <td>{grouped(balance.total)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
