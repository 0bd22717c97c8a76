"""`lockstep withdrawals` and `withdrawal`: which ones wait, and an operator's steps: approve, reject, paid.

It reads the directory, and each step is one record; the router judges it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from procs.operating.amounts import step_text
from procs.operating.directory import Directory, Waiting, read
from scripts.errors import UsageError
from scripts.operate.channel import Outcome
from scripts.operate.command import Context, Options, Request, Said, carry_out
from scripts.running import attach
from scripts.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json, table
from shm.alphabet import shown
from shm.journal import JournalError
from shm.records import WithdrawalDecision, WithdrawalState, WithdrawalStep

Number = Annotated[int, Parameter(help="The withdrawal's number, as lockstep withdrawals shows it.")]
NEXT = {
    WithdrawalState.REQUESTED: "two operators approve it",
    WithdrawalState.APPROVED_ONCE: "another operator approves it",
    WithdrawalState.APPROVED: "it is paid",
}

withdrawal = App(name="withdrawal", help="Decide a withdrawal that an account has asked for.")


def withdrawals(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show the withdrawals that wait: to be approved by two operators, or to be paid.

    Those that are paid or given back are in the database's view `withdrawals`.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    loaded = load(config, secrets=False)
    venue = attach(Path(loaded.venue.data))
    if venue is None:
        return fail(f"venue {loaded.venue.name} is not running (data: {loaded.venue.data})", json=json)
    try:
        directory = read(venue)
    except JournalError as error:
        return fail(f"the journal can't be read: {error}", json=json)
    rows = [_row(directory, number, known) for number, known in directory.withdrawals.items()]
    if json:
        print_json(rows)
        return EXIT_OK
    out = table("", "withdrawal>", "account", "amount>", "asset", "destination", "state", "approved by")
    for row in rows:
        out.add_row(*(", ".join(each) if isinstance(each, list) else str(each) for each in row.values()))
    console().print(out)
    return EXIT_OK


@withdrawal.command
def approve(number: Number, config: ConfigPath = DEFAULT_CONFIG, *, options: Options) -> int:
    """Approve a withdrawal: two operators do, neither of them the account itself.

    Example: lockstep withdrawal approve 184467 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    return _decide(number, WithdrawalStep.APPROVE, "Approve", "approved", config, options)


@withdrawal.command
def reject(number: Number, config: ConfigPath = DEFAULT_CONFIG, *, options: Options) -> int:
    """Reject a withdrawal: what it holds is free again. One that is approved, only if its payment did not go out.

    Example: lockstep withdrawal reject 184467 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    return _decide(number, WithdrawalStep.REJECT, "Reject", "rejected", config, options)


@withdrawal.command
def paid(number: Number, config: ConfigPath = DEFAULT_CONFIG, *, options: Options) -> int:
    """Say that a withdrawal was paid: what it holds leaves the venue, and can't come back.

    Example: lockstep withdrawal paid 184467 --key payout-881 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    return _decide(number, WithdrawalStep.PAID, "Book as paid", "paid", config, options)


def _decide(number: int, step: WithdrawalStep, verb: str, done: str, config: Path, options: Options) -> int:
    def request(context: Context) -> Request:
        known = context.directory.withdrawals.get(number)
        if known is None and options.key is None:
            raise UsageError(f"no withdrawal {number} waits; see lockstep withdrawals")
        what = _worded(context.directory, known) if known else f"withdrawal {number}"
        command = WithdrawalDecision(cl_ord_id=b"", step=step, withdrawal=number)

        def said(outcomes: Sequence[Outcome]) -> Said:
            stays = step == WithdrawalStep.APPROVE and known is not None
            state = WithdrawalState(known.state + 1) if stays and known is not None else None
            then = f"; next, {NEXT[state]}" if state else ""
            details: dict[str, object] = {"withdrawal": number, "state": state.name if state else done.upper()}
            return Said(f"{done}: {what}{then}; log record {outcomes[0].seq}", details)

        return Request([command], said, f"{verb} {what}?")

    return carry_out(config, options, request)


def _worded(directory: Directory, known: Waiting) -> str:
    name, scale = directory.name_of_asset(known.request.asset)
    amount = step_text(known.request.amount, scale)
    who = directory.name_of_account(known.request.owner)
    return f"withdrawal {known.request.seq}, {amount} {name} of {who} to {shown(known.destination)}"


def _row(directory: Directory, number: int, known: Waiting) -> dict[str, object]:
    name, scale = directory.name_of_asset(known.request.asset)
    return {
        "withdrawal": number,
        "account": directory.name_of_account(known.request.owner),
        "amount": step_text(known.request.amount, scale),
        "asset": name,
        "destination": shown(known.destination),
        "state": known.state.name,
        "approved_by": [directory.name_of_account(each) for each in known.approved_by],
    }
