"""`lockstep deposit`, `withdraw`, `adjust` and deposits' limits: money comes in, goes out, or a balance is mended.

Each makes one record; the router's ledger judges it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

from cyclopts import App, Parameter

from procs.operating import accounts
from procs.operating.amounts import step_text, units_of
from procs.operating.directory import VENUE, Directory
from scripts.errors import UsageError
from scripts.operate.channel import Outcome
from scripts.operate.command import Context, Options, Request, Said, carry_out, saying
from scripts.operate.proposals import show
from scripts.terminal import DEFAULT_CONFIG, ConfigPath, Json
from shm.records import Adjustment, Balance, Command, Confirmed, Deposit, Withdrawal

AccountName = Annotated[str, Parameter(help="Whose balance.")]
AssetName = Annotated[str, Parameter(help="Of which asset.")]
Amount = Annotated[str, Parameter(help="How much, as a decimal number.")]

adjust = App(name="adjust", help="Change a balance: one operator proposes, another approves.")


def deposit(
    account: AccountName,
    asset: AssetName,
    amount: Amount,
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    approves: Annotated[
        int, Parameter(help="The proposal that this approves: another operator's deposit, above the asset's limit.")
    ] = 0,
    options: Options,
) -> int:
    """Credit an account with money paid in.

    Above what the asset's limit leaves you today (UTC), or for your own account, this is a proposal, and another
    operator makes the same deposit with --approves.

    Example: lockstep deposit TRADER1 USDT 2500.50 --key bank-2026-0417 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """

    def make(number: int, asset_number: int, units: int) -> Command:
        return Deposit(cl_ord_id=b"", account=number, asset=asset_number, amount=units, proposal=approves)

    def request(context: Context) -> Request:
        made = _payment(context, account, asset, amount, make, "deposited to")

        def said(outcomes: Sequence[Outcome]) -> Said:
            seq = outcomes[0].seq
            if approves or not any(isinstance(event, Confirmed) for event in outcomes[0].events):
                return made.said(outcomes)
            approval = f"lockstep deposit {account} {asset} {amount} --approves {seq}"
            return Said(f"proposal {seq}: {amount} {asset} for {account} is not deposited yet: it is above your limit "
                        f"of the day, or your own; another operator approves it with {approval}",
                        {"proposal": seq})  # fmt: skip

        return made._replace(said=said)

    return carry_out(config, options, request)


def deposits(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show the deposits above a limit that wait for a second operator.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    return show(config, lambda directory: directory.deposits, {"deposit": _worded_deposit}, json=json)


def deposit_limit(asset: AssetName, amount: Amount, config: ConfigPath = DEFAULT_CONFIG, *, options: Options) -> int:
    """Set what one operator deposits alone in a day (UTC); 0: every deposit takes two. An admin lowers it; a higher
    limit is a proposal, which another admin approves.

    Example: lockstep deposit-limit USDT 100000 --operator ADMIN1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """

    def request(context: Context) -> Request:
        command = accounts.deposit_limit(context.directory, asset, amount)
        effect = f"one operator deposits up to {amount} {asset} a day; more takes two"
        return Request([command], saying(effect, {"asset": asset, "amount": amount}))

    return carry_out(config, options, request)


def withdraw(
    account: AccountName, asset: AssetName, amount: Amount, config: ConfigPath = DEFAULT_CONFIG, *, options: Options
) -> int:
    """Propose to debit an account's free balance for money paid out without its owner's request.

    Nothing changes before another operator approves, with lockstep proposal approve.

    Example: lockstep withdraw TRADER1 BTC 0.75 --key payout-881 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """

    def make(number: int, asset_number: int, units: int) -> Command:
        return Withdrawal(cl_ord_id=b"", account=number, asset=asset_number, amount=units)

    question = f"Withdraw {amount} {asset} from {account}?"
    return carry_out(
        config,
        options,
        lambda context: _payment(context, account, asset, amount, make, "withdrawn from")._replace(question=question),
    )


fees = App(name="fees", help="Pay out fees that the venue has taken: one operator proposes, another approves.")


@fees.command(name="pay-out")
def pay_out(asset: AssetName, amount: Amount, config: ConfigPath = DEFAULT_CONFIG, *, options: Options) -> int:
    """Propose to pay out fees. Nothing changes before another operator approves, with lockstep adjust approve.

    lockstep at shows what the venue has taken; the page and GET /v1/operator/fees do, too.

    Example: lockstep fees pay-out USDT 1200 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """

    def request(context: Context) -> Request:
        units = units_of(context.directory, asset, amount)
        if units <= 0:
            raise UsageError(f"{amount} is not above zero")
        command = Adjustment(
            cl_ord_id=b"", asset=context.directory.asset(asset)[0], target=VENUE, amount=-units
        )  # fmt: skip

        def said(outcomes: Sequence[Outcome]) -> Said:
            seq = outcomes[0].seq
            return Said(f"proposal {seq}: {amount} {asset} of the venue's fees are paid out; another operator approves "
                        f"it with lockstep adjust approve {seq}", {"proposal": seq})  # fmt: skip

        return Request([command], said)

    return carry_out(config, options, request)


def _payment(
    context: Context, account: str, asset: str, amount: str, make: Callable[[int, int, int], Command], verb: str
) -> Request:
    units = units_of(context.directory, asset, amount)
    if units <= 0:
        raise UsageError(f"{amount} is not above zero")
    command = make(context.directory.account(account).number, context.directory.asset(asset)[0], units)
    return Request([command], lambda outcomes: _paid(context.directory, f"{amount} {asset} {verb} {account}", outcomes))


def _paid(directory: Directory, sentence: str, outcomes: Sequence[Outcome]) -> Said:
    """The sentence, with what the account has of the asset now."""
    found = next((event for event in outcomes[0].events if isinstance(event, Balance)), None)
    if found is None:
        return Said(f"{sentence}; log record {outcomes[0].seq}", {})
    name, scale = directory.name_of_asset(found.asset)
    details: dict[str, object] = {
        "account": directory.name_of_account(found.account),
        "asset": name,
        "free": step_text(found.free, scale),
        "held": step_text(found.held, scale),
    }
    return Said(
        f"{sentence}, which now has {details['free']} free and {details['held']} held; log record {outcomes[0].seq}",
        details,
    )


@adjust.command
def propose(
    account: AccountName,
    asset: AssetName,
    by: Annotated[str, Parameter(allow_leading_hyphen=True, help="How much more, or with a minus how much less.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    options: Options,
) -> int:
    """Propose to change a balance. Nothing changes before another operator approves.

    Example: lockstep adjust propose TRADER1 USDT -12.5 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """

    def request(context: Context) -> Request:
        units = units_of(context.directory, asset, by)
        if units == 0:
            raise UsageError("an adjustment by nothing changes nothing")
        target = context.directory.account(account).number
        command = Adjustment(cl_ord_id=b"", asset=context.directory.asset(asset)[0], target=target, amount=units)

        def said(outcomes: Sequence[Outcome]) -> Said:
            seq = outcomes[0].seq
            return Said(f"proposal {seq}: {by} {asset} for {account}; another operator approves it with "
                        f"lockstep adjust approve {seq}", {"proposal": seq})  # fmt: skip

        return Request([command], said)

    return carry_out(config, options, request)


@adjust.command
def approve(
    proposal: Annotated[int, Parameter(help="The proposal's number.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    options: Options,
) -> int:
    """Approve another operator's proposal: the balance changes now.

    Example: lockstep adjust approve 184467 --operator OPERATOR2

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """

    def request(context: Context) -> Request:
        known = context.directory.proposals.get(proposal)
        if known is None:
            raise UsageError(f"there is no proposal {proposal} to approve; see lockstep adjust list")
        command = Adjustment(
            cl_ord_id=b"", asset=known.asset, target=known.target, amount=known.amount, proposal=proposal
        )
        what = _worded(context.directory, known)
        return Request(
            [command], lambda outcomes: _paid(context.directory, f"adjusted: {what}", outcomes), f"Adjust {what}?"
        )

    return carry_out(config, options, request)


@adjust.command(name="list")
def list_(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show the proposals that wait for approval.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    return show(config, lambda directory: directory.proposals, {"change": _worded}, json=json)


def _worded_deposit(directory: Directory, known: Deposit) -> str:
    name, scale = directory.name_of_asset(known.asset)
    return f"{step_text(known.amount, scale)} {name} for {directory.name_of_account(known.owner)}"


def _worded(directory: Directory, known: Adjustment) -> str:
    name, scale = directory.name_of_asset(known.asset)
    return f"{step_text(known.amount, scale)} {name} for {directory.name_of_account(known.target)}"
