// What operators do with accounts, and with who may register.
import type {
  AccountLimitsWanted,
  KeyShown,
  ModeWanted,
  NewAccount,
  NewRole,
  PositionLimitWanted,
  Reason,
  ResetWanted,
  Switch,
  WelcomeWanted,
} from "../../net/v1.ts";
import type { Command } from "./command.ts";

const ROLES = {
  trader: "trader",
  auditor: "auditor: reads only",
  operator: "operator (by two admins)",
  admin: "admin (by two admins)",
};

function of(name: string): string {
  return `/v1/operator/accounts/${encodeURIComponent(name)}`;
}

export const DEFINE: Command<keyof NewAccount> = {
  title: "Define an account",
  says: "A trader's, for good: it can be blocked, but never removed. Its owner changes the password.",
  verb: "Define it",
  method: "POST",
  path: "/v1/operator/accounts",
  entries: [
    { name: "name", label: "Name" },
    { name: "password", label: "Its first password", kind: "password" },
  ],
  again: "name",
};

export function role(name: string, now: string): Command<keyof NewRole> {
  return {
    title: `Role of ${name}`,
    says: "Another admin approves it: only for a person whom both of you know. Its keys then allow what the role does.",
    verb: "Propose it",
    method: "PUT",
    path: `${of(name)}/role`,
    entries: [{ name: "role", label: "Role", kind: "choice", of: ROLES, value: now }],
  };
}

export function killSwitch(name: string, scope: NonNullable<Switch["scope"]>, isOn: boolean): Command {
  const what = scope === "account" ? "" : "the FIX session of ";
  return {
    title: isOn ? `Block ${what}${name}` : `Unblock ${what}${name}`,
    says: isOn
      ? "New orders are refused from now on, over restarts too. Open orders stay, and can be cancelled."
      : "New orders are taken again.",
    verb: isOn ? "Block it" : "Unblock it",
    method: "PUT",
    path: `${of(name)}/kill-switch`,
    body: { is_on: isOn, scope },
    ...(isOn ? { typed: name } : {}),
    isOnce: true,
  };
}

export function accountLimits(name: string): Command<keyof AccountLimitsWanted> {
  return {
    title: `Limits of ${name}`,
    says: "Open orders stay. What you leave empty stays as it is; 0 is no limit.",
    verb: "Change them",
    method: "PUT",
    path: `${of(name)}/limits`,
    entries: [
      { name: "max_open_orders", label: "Maximum open orders", kind: "count", isOptional: true },
      { name: "max_orders", label: "Maximum orders in a window", kind: "count", isOptional: true },
      { name: "window_ms", label: "Window, ms", kind: "count", isOptional: true },
      {
        name: "self_trade",
        label: "Self-trade prevention",
        kind: "choice",
        of: {
          "": "as it is",
          none: "they trade",
          cancel_newest: "cancel the newest",
          cancel_oldest: "cancel the oldest",
          cancel_both: "cancel both",
          decrement: "decrement both",
        },
        isOptional: true,
      },
      { name: "self_trade_group", label: "Self-trade group", kind: "count", isOptional: true },
      { name: "fee_tier", label: "Fee tier", kind: "count", isOptional: true },
    ],
    isOnce: true,
  };
}

export function positionLimit(name: string): Command<"asset" | keyof PositionLimitWanted> {
  return {
    title: `Position limit of ${name}`,
    says: "The most that it may own of an asset, its open buys counted as filled. What it owns stays. 0: no limit.",
    verb: "Set it",
    method: "PUT",
    path: `${of(name)}/position-limits/{asset}`,
    entries: [
      { name: "asset", label: "Asset" },
      { name: "most", label: "Maximum position", kind: "amount" },
    ],
    isOnce: true,
  };
}

export function cancelAll(name: string): Command {
  return {
    title: `Cancel the orders of ${name}`,
    says: "All its open orders, in every market, those in halt too.",
    verb: "Cancel them all",
    method: "POST",
    path: "/v1/operator/orders/cancel",
    body: { account: name },
    typed: name,
    isOnce: true,
  };
}

export function disconnect(name: string): Command<keyof Reason> {
  return {
    title: `Disconnect ${name}`,
    says: "Its FIX session is logged out. Its orders stay, and it may log on again.",
    verb: "Log it out",
    method: "POST",
    path: `/v1/operator/sessions/${encodeURIComponent(name)}/disconnect`,
    entries: [{ name: "reason", label: "Reason, which the client is told" }],
  };
}

export function revoke(name: string, key: KeyShown): Command {
  return {
    title: `Revoke ${key.name}`,
    says: `A key of ${name}. For ever: nothing that it signs counts any more.`,
    verb: "Revoke it",
    method: "DELETE",
    path: `${of(name)}/keys/${encodeURIComponent(key.name)}`,
    typed: key.name,
    forAdmins: true,
  };
}

export function letTrade(name: string): Command {
  return {
    title: `Let ${name} trade`,
    says: "The account was registered and waits; its kill switch is turned off.",
    verb: "Let it trade",
    method: "POST",
    path: `/v1/operator/registrations/${encodeURIComponent(name)}/approve`,
    isOnce: true,
  };
}

export function reset(name: string): Command<keyof ResetWanted> {
  return {
    title: `New password for ${name}`,
    says: "You get a code for its owner. It works once another operator has approved, once, for a day.",
    verb: "Propose it",
    method: "POST",
    path: `${of(name)}/password-reset`,
    entries: [{ name: "takes_factor", label: "Its second factor goes, too", kind: "check" }],
    isOnce: true,
  };
}

export function approveReset(name: string, proposal: number): Command {
  return {
    title: `Approve a new password for ${name}`,
    says: "Whoever has the code that was proposed can then be this account. Know who asks.",
    verb: "Approve it",
    method: "POST",
    path: `${of(name)}/password-reset/${proposal}/approve`,
    typed: name,
    isOnce: true,
  };
}

export function registration(now: string): Command<keyof ModeWanted> {
  return {
    title: "Who may register",
    says: "A start applies what the configuration says.",
    verb: "Change it",
    method: "PUT",
    path: "/v1/operator/registration",
    entries: [
      {
        name: "mode",
        label: "Registration is",
        kind: "choice",
        of: { closed: "closed", open: "open", approval: "open, and an operator lets each trade" },
        value: now,
      },
    ],
    isOnce: true,
    forAdmins: true,
  };
}

export const WELCOME: Command<"asset" | keyof WelcomeWanted> = {
  title: "What who registers is given",
  says: "Once, to each account that registers from now on. More than before takes another admin. 0: nothing.",
  verb: "Set it",
  method: "PUT",
  path: "/v1/operator/registration/welcome/{asset}",
  entries: [
    { name: "asset", label: "Asset" },
    { name: "amount", label: "Amount", kind: "amount" },
  ],
  isOnce: true,
  forAdmins: true,
};
