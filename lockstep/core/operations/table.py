"""All operations: whoever adds one adds it here, and nowhere else but in the router, which decides it."""

from lockstep.core.operations import (
    accounts,
    instruments,
    money,
    password_resets,
    proposals,
    registration,
    trades,
    trading,
)

OPERATIONS = (
    trading.BeginPhase, trading.Halt, trading.Resume, trading.Delist, trading.CancelOrders, trading.CancelOfAccount,
    trading.CancelNamed, trading.SwitchKill, trading.Block, trading.Unblock,
    money.MakeDeposit, money.ApproveDeposit, money.LimitDeposits, money.ProposeWithdrawal,
    money.PayOutFees, money.AdjustBalance, money.ApproveAdjustment, money.ApproveWithdrawal, money.RejectWithdrawal,
    money.PayWithdrawal, proposals.ApproveProposal, proposals.DismissProposal,
    instruments.ListAsset, instruments.DefineInstrument, instruments.ListInstrument, instruments.ChangeTerms,
    instruments.LimitInstrument, instruments.ReplaceSchedule, instruments.ScheduleTyped, instruments.Move,
    accounts.ProposeRole, accounts.LimitAccount, accounts.LimitPosition, accounts.SetTier,
    trades.ProposeCorrection, trades.ProposeBust, trades.ProposePrice, trades.ApproveCorrection, trades.ApproveBust,
    trades.ApprovePrice, registration.SetRegistration, registration.SetWelcome, registration.LetTrade,
    password_resets.ProposeReset, password_resets.ApproveReset,
)  # fmt: skip
