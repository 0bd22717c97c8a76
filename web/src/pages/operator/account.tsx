// One account: what it has and owes, by what it may be used, what it may do, and what stops it.
import { moment } from "../../account/moments.ts";
import type { AccountInFull, BalanceShown, KeyShown, OrderShown } from "../../net/v1.ts";
import { grouped } from "../../number/decimal.ts";
import { Again, Cut, Fact, Notice, Panel, Wrong } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";
import * as commands from "./account_commands.ts";
import { Act } from "./act.tsx";
import { useAsked } from "./asked.ts";
import type { Command } from "./command.ts";
import { form } from "./form.ts";
import { words } from "./shown.tsx";

export function OneAccount({ name }: { name: string }) {
  const at = `/v1/operator/accounts/${encodeURIComponent(name)}`;
  const { found, wrong } = useAsked<AccountInFull>(at);
  if (found === null)
    return wrong === null ? <p class="quiet none">Asking the venue …</p> : <Missing {...{ name, wrong }} />;
  return (
    <>
      <Head account={found} wrong={wrong} />
      <Limits account={found} />
      <Balances at={at} />
      <Orders at={at} name={name} />
      <Keys at={at} name={name} />
    </>
  );
}

function Missing({ name, wrong }: { name: string; wrong: string }) {
  return (
    <Notice isBad>
      <bdi>{name.slice(0, 40)}</bdi>: {wrong} <a href="/operator/accounts">All accounts</a>
    </Notice>
  );
}

function Head({ account: { account, ...rest }, wrong }: { account: AccountInFull; wrong: string | null }) {
  const { name } = account;
  return (
    <Panel title={name} aside={<a href="/operator/accounts">All accounts</a>}>
      <Wrong text={wrong} />
      <dl class="facts">
        <Fact name="Number">{account.account}</Fact>
        <Fact name="Role" testid="role">
          {account.role}
        </Fact>
        <Fact name="Registered">{rest.registered === null ? "no: it was defined" : moment(rest.registered)}</Fact>
        <Fact name="Second factor">
          {account.has_second_factor ? `yes, ${account.recovery_codes_left} recovery codes left` : "no"}
        </Fact>
        <Fact name="Account" testid="account-blocked">
          {rest.account_blocked ? "blocked: new orders are refused" : "not blocked"}
        </Fact>
        <Fact name="FIX session" testid="session-blocked">
          {rest.session_blocked ? "blocked: its new orders are refused" : "not blocked"}
        </Fact>
      </dl>
      <div class="acts">
        <Act command={switchOf(name, "account", rest.account_blocked)} testid="kill-switch">
          {rest.account_blocked ? "Unblock the account" : "Block the account"}
        </Act>
        <Act command={switchOf(name, "session", rest.session_blocked)} testid="kill-switch-session">
          {rest.session_blocked ? "Unblock its FIX session" : "Block its FIX session"}
        </Act>
        <Act command={form("CancelOfAccount", { account: name })} testid="cancel-all">
          Cancel its orders
        </Act>
        <Act command={commands.disconnect(name)} testid="disconnect">
          Disconnect
        </Act>
        <Act command={form("ProposeRole", { account: name }, { now: { role: account.role } })} testid="change-role">
          Role
        </Act>
        <Act command={form("ProposeReset", { account: name })} testid="reset-password">
          New password
        </Act>
      </div>
    </Panel>
  );
}

function switchOf(account: string, scope: "account" | "session", isBlocked: boolean): Command {
  return form(isBlocked ? "Unblock" : "Block", { account, scope });
}

function Limits({ account: { account, limits } }: { account: AccountInFull }) {
  const no = (limit: number) => (limit === 0 ? "no limit" : limit);
  const positions = Object.entries(limits.position_limits);
  return (
    <Panel
      title="Limits"
      aside={
        <>
          <Act command={form("LimitAccount", { account: account.name })} testid="account-limits">
            Change
          </Act>
          <Act command={form("LimitPosition", { account: account.name })} testid="position-limit">
            Position limit
          </Act>
        </>
      }
    >
      <dl class="facts">
        <Fact name="Maximum open orders" testid="max-open-orders">
          {no(limits.max_open_orders)}
        </Fact>
        <Fact name="Maximum orders in a window">
          {limits.max_orders === 0 ? "no limit" : `${limits.max_orders} in ${limits.window_ms} ms`}
        </Fact>
        <Fact name="Self-trade prevention">{words(limits.self_trade)}</Fact>
        <Fact name="Self-trade group">{limits.self_trade_group || "none"}</Fact>
        <Fact name="Fee tier">{limits.fee_tier || "none"}</Fact>
        <Fact name="Position limits" testid="position-limits">
          {positions.length === 0 ? "no limit" : positions.map(([asset, most]) => `${most} ${asset}`).join(", ")}
        </Fact>
      </dl>
    </Panel>
  );
}

function Balances({ at }: { at: string }) {
  const { found, wrong } = useAsked<BalanceShown[]>(`${at}/balances`);
  return (
    <Panel title="Balances">
      <Wrong text={wrong} />
      <Table
        label="Balances"
        testid="account-balances"
        columns={[
          { name: "Asset", shown: (row) => row.asset },
          { name: "Free", shown: (row) => grouped(row.free) },
          { name: "Held", shown: (row) => grouped(row.held) },
          { name: "Total", shown: (row) => grouped(row.total) },
        ]}
        rows={found ?? []}
        keyOf={(row) => row.asset}
        empty={found === null ? "Asking the venue …" : "It has nothing."}
      />
    </Panel>
  );
}

function Orders({ at, name }: { at: string; name: string }) {
  const { found, wrong, again } = useAsked<OrderShown[]>(`${at}/orders/open`);
  return (
    <Panel title={`Open orders (${found?.length ?? "…"})`} aside={<Again again={again} />}>
      <Wrong text={wrong} />
      <div class="tall">
        <Table
          label={`Open orders of ${name}`}
          testid="account-orders"
          columns={[
            { name: "Order", shown: (row) => <a href={`/operator/look-back?order=${row.order_id}`}>{row.order_id}</a> },
            { name: "Client order ID", shown: (row) => <Cut text={row.client_order_id} /> },
            { name: "Symbol", shown: (row) => row.symbol },
            { name: "Side", shown: (row) => <span class={row.side}>{row.side}</span> },
            { name: "Type", shown: (row) => words(row.type) },
            { name: "Price", shown: (row) => (row.price === null ? "–" : grouped(row.price)) },
            { name: "Quantity", shown: (row) => row.quantity ?? row.budget },
            { name: "Filled", shown: (row) => row.filled },
            { name: "Entered", shown: (row) => moment(row.entered) },
          ]}
          rows={found ?? []}
          keyOf={(row) => row.order_id}
          empty={found === null ? "Asking the venue …" : "It has no open orders."}
        />
      </div>
    </Panel>
  );
}

function Keys({ at, name }: { at: string; name: string }) {
  const { found, wrong } = useAsked<KeyShown[]>(`${at}/keys`);
  return (
    <Panel title="API keys">
      <Wrong text={wrong} />
      <Table
        label="API keys"
        testid="account-keys"
        columns={[
          { name: "Key", shown: (row) => <Cut text={row.name} /> },
          { name: "Kind", shown: (row) => row.kind },
          { name: "May", shown: (row) => row.scopes.join(", ") },
          { name: "From", shown: (row) => row.addresses.join(", ") || "anywhere" },
          { name: "Until", shown: (row) => (row.expires === null ? "for ever" : moment(row.expires)) },
          {
            name: "Actions",
            isNameHidden: true,
            shown: (row) => <Act command={commands.revoke(name, row)}>Revoke</Act>,
          },
        ]}
        rows={found ?? []}
        keyOf={(row) => row.name}
        empty={found === null ? "Asking the venue …" : "It has no keys."}
      />
    </Panel>
  );
}
