// Open orders: each can be changed or cancelled, and all of them at once.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { own } from "../../account/line.ts";
import { utc } from "../../account/moments.ts";
import { told } from "../../net/http.ts";
import { call } from "../../net/session.ts";
import type { OrderShown } from "../../net/v1.ts";
import { grouped } from "../../number/decimal.ts";
import { Wrong } from "../../parts/parts.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { fixed } from "../../trade/change.ts";
import { ChangeDialog } from "./change_dialog.tsx";
import { KillSwitch } from "./kill_switch.tsx";
import { SideOf, typeOf } from "./shown.tsx";

const MOST_TOLD = 10_000; // as many as the stream's image has

/** `symbol`: whose orders these are; null: of all. */
export function OpenOrders({ orders, symbol }: { orders: readonly OrderShown[]; symbol: string | null }) {
  const problem = useSignal<string | null>(null);
  const changing = useSignal<OrderShown | null>(null);
  const changed = own.changed.value;
  const lists = useMemo(() => listSizes(own.open.values()), [changed]);
  const cancel = async (path: string) => {
    problem.value = null;
    try {
      await call(path, { method: "DELETE" });
    } catch (error) {
      problem.value = told(error);
    }
  };
  const columns: readonly Column<OrderShown>[] = [
    ...TERMS,
    {
      name: "Actions",
      isNameHidden: true,
      shown: (order) => (
        <Actions
          order={order}
          isPaired={order.list_id !== null && lists.get(order.list_id) === 2}
          change={() => {
            changing.value = { ...order }; // each time another one
          }}
          cancel={() => void cancel(`/v1/orders/${order.order_id}`)}
        />
      ),
    },
  ];
  const asked = changing.value;
  return (
    <>
      <Wrong text={problem.value} />
      <Table
        label="Open orders"
        columns={columns}
        rows={orders}
        keyOf={(order) => order.order_id}
        empty={symbol === null ? "No order is open." : `No order is open in ${symbol}.`}
        testid="open-orders"
      />
      <div class="below">
        {own.open.size >= MOST_TOLD && <span class="quiet">The newest {MOST_TOLD} at least are shown.</span>}
        <KillSwitch />
        {orders.length > 0 && (
          <button
            type="button"
            class="button"
            onClick={() => void cancel(symbol === null ? "/v1/orders" : `/v1/orders?symbol=${symbol}`)}
          >
            Cancel all {symbol === null ? "" : `in ${symbol}`}
          </button>
        )}
      </div>
      {asked !== null && (
        <ChangeDialog
          order={asked}
          leave={() => {
            if (changing.peek() === asked) changing.value = null; // what came of one that was left closes no other
          }}
        />
      )}
    </>
  );
}

const TERMS: readonly Column<OrderShown>[] = [
  { name: "Side", shown: (order) => <SideOf side={order.side} /> },
  { name: "Price", shown: (order) => (order.price === null ? "–" : grouped(order.price)) },
  { name: "Quantity", shown: (order) => order.quantity ?? `for ${grouped(order.budget ?? "")}` },
  { name: "Filled", shown: (order) => order.filled },
  { name: "Type", shown: typeOf },
  { name: "Stop", shown: (order) => (order.stop_price === null ? "–" : grouped(order.stop_price)) },
  { name: "Symbol", shown: (order) => order.symbol },
  { name: "List", shown: (order) => order.list_id ?? "–" },
  { name: "Entered (UTC)", shown: (order) => utc.format(order.entered) },
];

function Actions(props: { order: OrderShown; isPaired: boolean; change: () => void; cancel: () => void }) {
  const { order, isPaired } = props;
  const name = `${order.side} of ${order.quantity ?? order.budget} ${order.symbol}`;
  const why = fixed(order, isPaired);
  return (
    <span class="actions">
      <button
        type="button"
        class="button"
        aria-label={`Change ${name}`}
        disabled={why !== null}
        title={why ?? undefined}
        onClick={props.change}
      >
        Change
      </button>
      <button type="button" class="button" aria-label={`Cancel ${name}`} onClick={props.cancel}>
        Cancel
      </button>
    </span>
  );
}

/** How many orders of each list are open. */
function listSizes(orders: Iterable<OrderShown>): Map<number, number> {
  const sizes = new Map<number, number>();
  for (const { list_id } of orders) if (list_id !== null) sizes.set(list_id, (sizes.get(list_id) ?? 0) + 1);
  return sizes;
}
