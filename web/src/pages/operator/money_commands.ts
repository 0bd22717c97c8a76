// What operators do with money and trades: what one proposes, another approves.
import type {
  AdjustmentWanted,
  CorrectionProposed,
  CorrectionWanted,
  DepositLimitWanted,
  FeesWanted,
  MassCancelWanted,
  MoneyProposed,
  PaymentWanted,
  ProposalShown,
  TradeMade,
  WithdrawalWaiting,
} from "../../net/v1.ts";
import type { Command, Entry } from "./command.ts";

const PAYMENT: readonly Entry<keyof PaymentWanted>[] = [
  { name: "account", label: "Account" },
  { name: "asset", label: "Asset" },
  { name: "amount", label: "Amount", kind: "amount" },
];

export const DEPOSIT: Command<keyof PaymentWanted> = {
  title: "Deposit",
  says: "Money that has come in: it can't be taken back. Above your limit of the day another operator approves it.",
  verb: "Deposit it",
  method: "POST",
  path: "/v1/operator/deposits",
  entries: PAYMENT,
  again: "account",
  isOnce: true,
};

export function approveDeposit({ proposal, by }: MoneyProposed): Command<keyof PaymentWanted> {
  return {
    title: `Approve deposit ${proposal}`,
    says: `${by} has proposed it. Say what has come in as you have seen it yourself: it must be the same.`,
    verb: "Approve it",
    method: "POST",
    path: `/v1/operator/deposits/${proposal}/approve`,
    entries: PAYMENT,
    again: "account",
    isOnce: true,
  };
}

export const WITHDRAW: Command<keyof PaymentWanted> = {
  title: "Propose a withdrawal",
  says: "Money that was paid out without its owner's request, from what is free. Another operator approves it.",
  verb: "Propose it",
  method: "POST",
  path: "/v1/operator/withdrawals",
  entries: PAYMENT,
  again: "account",
  isOnce: true,
};

/** A step of a withdrawal that its owner has asked for. */
function step(of: WithdrawalWaiting, path: string, title: string, verb: string, says: string): Command {
  return {
    title: `${title} withdrawal ${of.withdrawal}`,
    says: `${of.amount} ${of.asset} of ${of.account}. ${says}`,
    verb,
    method: "POST",
    path: `/v1/operator/withdrawals/${of.withdrawal}/${path}`,
    typed: of.account,
    isOnce: true,
  };
}

export function approveWithdrawal(of: WithdrawalWaiting): Command {
  return step(of, "approve", "Approve", "Approve it", "Two operators approve it, neither of them its owner.");
}

export function rejectWithdrawal(of: WithdrawalWaiting): Command {
  const says = "What it holds is free again. Of one that is approved, only if its payment did not go out.";
  return step(of, "reject", "Reject", "Reject it", says);
}

export function paidWithdrawal(of: WithdrawalWaiting): Command {
  return step(of, "paid", "Paid:", "It was paid", "What it holds leaves the venue, for good.");
}

export const ADJUST: Command<keyof AdjustmentWanted> = {
  title: "Adjust a balance",
  says: "You propose it, and another operator approves it.",
  verb: "Propose it",
  method: "POST",
  path: "/v1/operator/adjustments",
  entries: [
    { name: "account", label: "Account" },
    { name: "asset", label: "Asset" },
    { name: "by", label: "By, with a minus to take away", kind: "difference" },
  ],
  isOnce: true,
};

export function approveAdjustment({ proposal, by, account, asset, amount }: MoneyProposed): Command {
  return {
    title: `Approve adjustment ${proposal}`,
    says: `${by} has proposed to change the balance of ${account} by ${amount} ${asset}.`,
    verb: "Approve it",
    method: "POST",
    path: `/v1/operator/adjustments/${proposal}/approve`,
    typed: account,
    isOnce: true,
  };
}

export const DEPOSIT_LIMIT: Command<"asset" | keyof DepositLimitWanted> = {
  title: "Deposit limit",
  says: "What one operator deposits alone in a day. More than before takes another admin's approval. 0: nothing.",
  verb: "Set it",
  method: "PUT",
  path: "/v1/operator/deposit-limits/{asset}",
  entries: [
    { name: "asset", label: "Asset" },
    { name: "amount", label: "Amount", kind: "amount" },
  ],
  isOnce: true,
  forAdmins: true,
};

/** Of any trade, or of one that is known. */
export function correct(trade?: TradeMade): Command<keyof CorrectionWanted> {
  const known = (value: number | undefined) => (value === undefined ? {} : { value: String(value) });
  return {
    title: trade === undefined ? "Undo or correct a trade" : `Undo or correct trade ${trade.trade}`,
    says: "You propose it, and another operator approves it. The trade is looked up in the journal first.",
    verb: "Propose it",
    method: "POST",
    path: "/v1/operator/corrections",
    entries: [
      { name: "symbol", label: "Symbol", ...(trade === undefined ? {} : { value: trade.symbol }) },
      { name: "trade", label: "Number of the trade", kind: "count", ...known(trade?.trade) },
      { name: "price", label: "Price that it should have had; empty: undo it", kind: "amount", isOptional: true },
      {
        name: "matcher",
        label: "Matcher, if two have made such a trade",
        kind: "count",
        isOptional: true,
        ...known(trade?.matcher),
      },
    ],
  };
}

export const PAY_OUT: Command<keyof FeesWanted> = {
  title: "Pay out fees",
  says: "Fees that the venue has taken, and you have paid out. Another operator approves it as an adjustment.",
  verb: "Propose it",
  method: "POST",
  path: "/v1/operator/fees/pay-out",
  entries: [
    { name: "asset", label: "Asset" },
    { name: "amount", label: "Amount", kind: "amount" },
  ],
  isOnce: true,
};

export function approveProposal({ proposal, by, what }: ProposalShown): Command {
  return {
    title: `Approve proposal ${proposal}`,
    says: `${by} has proposed this: ${what}.`,
    verb: "Approve it",
    method: "POST",
    path: `/v1/operator/proposals/${proposal}/approve`,
    typed: String(proposal),
    isOnce: true,
  };
}

export function dismiss(proposal: number, isOwn: boolean, forAdmins: boolean): Command {
  return {
    title: isOwn ? `Withdraw proposal ${proposal}` : `Reject proposal ${proposal}`,
    says: "It can no longer be approved. Nothing else changes.",
    verb: isOwn ? "Withdraw it" : "Reject it",
    method: "POST",
    path: `/v1/operator/proposals/${proposal}/dismiss`,
    isOnce: true,
    forAdmins,
  };
}

export function approveCorrection(of: CorrectionProposed): Command {
  const what = of.new_price === null ? "Both sides get back what they gave." : `Its price becomes ${of.new_price}.`;
  return {
    title: `Approve correction ${of.proposal}`,
    says: `Trade ${of.trade} of ${of.symbol}, ${of.quantity} at ${of.price}. ${what}`,
    verb: "Approve it",
    method: "POST",
    path: `/v1/operator/corrections/${of.proposal}/approve`,
    body: null,
    typed: of.symbol,
  };
}

export function massCancel(symbol: string): Command<keyof MassCancelWanted> {
  return {
    title: `Cancel orders of ${symbol}`,
    says: "Of one account and side, or of all.",
    verb: "Cancel them",
    method: "POST",
    path: "/v1/operator/orders/cancel",
    body: { symbol },
    entries: [
      { name: "account", label: "Account; empty: all", isOptional: true },
      {
        name: "side",
        label: "Side",
        kind: "choice",
        of: { "": "both", buy: "buy", sell: "sell" },
        isOptional: true,
      },
    ],
    typed: symbol,
    isOnce: true,
  };
}
