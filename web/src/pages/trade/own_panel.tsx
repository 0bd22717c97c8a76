// One's own, under the market: orders that are open and orders of before, fills, balances.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { FillRow, History } from "../../account/history.ts";
import { isLive, own } from "../../account/line.ts";
import { utc } from "../../account/moments.ts";
import { state } from "../../net/session.ts";
import type { BalanceShown, OrderShown } from "../../net/v1.ts";
import { grouped } from "../../number/decimal.ts";
import { Choices, Cut, Notice, Panel } from "../../parts/parts.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { inWords } from "../../trade/outcome.ts";
import { OpenOrders } from "./open_orders.tsx";
import { PastTable } from "./past_table.tsx";
import { amountOf, SideOf, typeOf } from "./shown.tsx";

const TABS = ["Open orders", "Order history"] as const;
type Tab = (typeof TABS)[number];

export function OwnPanels({ symbol, history }: { symbol: string; history: History }) {
  useEffect(() => own.follow(history), [history]);
  if (state.value !== "somebody" && state.value !== "ended") {
    return (
      <Panel title="Yours" class="own">
        <p class="quiet none">Log in to see your orders, fills and balances, and to trade.</p>
      </Panel>
    );
  }
  return (
    <>
      <Orders symbol={symbol} history={history} />
      <div class="own-more">
        <Panel title={`Fills in ${symbol}`}>
          <PastTable
            label="Fills"
            past={history.fills}
            columns={FILLS}
            empty="Nothing was traded yet."
            testid="fills"
          />
        </Panel>
        <Balances />
      </div>
    </>
  );
}

function Orders({ symbol, history }: { symbol: string; history: History }) {
  const tab = useSignal<Tab>("Open orders");
  const isHere = useSignal(true);
  const changed = own.changed.value;
  const open = useMemo(
    () => [...own.open.values()].filter((order) => !isHere.value || order.symbol === symbol).reverse(),
    [changed, isHere.value, symbol],
  );
  return (
    <Panel
      title="Orders"
      class="own"
      aside={
        <>
          <Choices<Tab>
            label="Which orders"
            of={TABS}
            chosen={tab.value}
            choose={(one) => {
              tab.value = one;
            }}
            shown={(one) => (one === "Open orders" ? `Open orders (${own.open.size})` : one)}
          />
          {tab.value === "Open orders" && (
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
          )}
        </>
      }
    >
      {!isLive.value && <Notice>These are not up to date: reconnecting …</Notice>}
      {tab.value === "Open orders" ? (
        <OpenOrders orders={open} symbol={isHere.value ? symbol : null} />
      ) : (
        <PastTable
          label={`Orders in ${symbol}`}
          past={history.orders}
          columns={ORDERS}
          empty="No order was placed yet."
          testid="order-history"
        />
      )}
    </Panel>
  );
}

/** What stands for a term that there is none of. */
const NONE = "–";

const ORDERS: readonly Column<OrderShown>[] = [
  { name: "Entered (UTC)", shown: (order) => utc.format(order.entered) },
  { name: "Side", shown: (order) => <SideOf side={order.side} /> },
  { name: "Type", shown: typeOf },
  { name: "Price", shown: (order) => (order.price === null ? NONE : grouped(order.price)) },
  { name: "Stop", shown: (order) => (order.stop_price === null ? NONE : grouped(order.stop_price)) },
  { name: "Quantity", shown: (order) => order.quantity ?? `for ${grouped(order.budget ?? "")}` },
  { name: "Filled", shown: (order) => order.filled },
  { name: "Value", shown: (order) => amountOf(order.value) },
  { name: "List", shown: (order) => order.list_id ?? NONE },
  { name: "Status", shown: statusOf },
  {
    name: "Client order ID",
    shown: (order) => <Cut text={order.client_order_id} />,
  },
];

function statusOf(order: OrderShown) {
  const reason = own.reasons.get(order.order_id);
  return `${inWords(order.status)}${reason === undefined ? "" : ` (${inWords(reason)})`}`;
}

const FILLS: readonly Column<FillRow>[] = [
  { name: "Time (UTC)", shown: (fill) => utc.format(fill.time) },
  { name: "Side", shown: (fill) => <SideOf side={fill.side} /> },
  {
    name: "Price",
    shown: ({ was, isUndone, price }) =>
      was === undefined ? (
        grouped(price)
      ) : (
        <>
          <s>{grouped(was)}</s> {isUndone ? "undone" : grouped(price)}
        </>
      ),
  },
  { name: "Quantity", shown: ({ isUndone, quantity }) => (isUndone ? <s>{quantity}</s> : quantity) },
  { name: "Value", shown: ({ isUndone, value }) => (isUndone ? <s>{amountOf(value)}</s> : amountOf(value)) },
  { name: "Fee", shown: (fill) => `${amountOf(fill.fee)} ${fill.fee_asset}` },
  { name: "Liquidity", shown: (fill) => fill.liquidity },
];

const BALANCES: readonly Column<BalanceShown>[] = [
  { name: "Asset", shown: (balance) => balance.asset },
  { name: "Free", shown: (balance) => amountOf(balance.free) },
  { name: "Held", shown: (balance) => amountOf(balance.held) },
  { name: "Total", shown: (balance) => amountOf(balance.total) },
];

function Balances() {
  own.changed.value;
  return (
    <Panel title="Balances">
      <Table
        label="Balances"
        columns={BALANCES}
        rows={[...own.balances.values()]}
        keyOf={(balance) => balance.asset}
        empty="There is nothing yet."
        testid="balances"
      />
    </Panel>
  );
}
