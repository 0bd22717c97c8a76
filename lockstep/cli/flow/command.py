"""`lockstep flow`: plays real order flow through the FIX gateway and compares the venue's books with published ones.

It wires files, a venue and the play together; the orders are the driver's, the comparison the watcher's.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lockstep.cli import throwaway
from lockstep.cli.errors import UsageError
from lockstep.cli.flow import commands, lobster
from lockstep.cli.flow.commands import Flow, FlowError, Level
from lockstep.cli.flow.driver import Stalled
from lockstep.cli.flow.initiator import LogonRefused
from lockstep.cli.flow.play import Outcome, Target, play
from lockstep.cli.flow.watcher import BookLost
from lockstep.cli.terminal import EXIT_OK, EXIT_PROBLEM, Json, console, load
from lockstep.config.schema import Config

Books = list[tuple[list[Level], list[Level]]]


def flow(
    commands_file: Path,
    *,
    book: Annotated[Path, Parameter(help="The published book after each row, as LOBSTER writes it.")],
    config: Annotated[Path | None, Parameter(help="Join the running venue of this configuration.")] = None,
    symbol: Annotated[str, Parameter(help="The instrument: ticks of 0.01, whole quantities.")] = "FLOW",
    buyer: Annotated[str, Parameter(help="Who sends the buy orders.")] = "BUYER",
    seller: Annotated[str, Parameter(help="Who sends the sell orders.")] = "SELLER",
    password: Annotated[str, Parameter(help="Password of both.")] = "demo",
    levels: Annotated[int, Parameter(help="How many levels to compare, 1 to 5.")] = 4,
    durability: Annotated[str, Parameter(help="Of the throw-away venue: none or local.")] = "local",
    keep: Annotated[Path | None, Parameter(help="Keep the throw-away venue in this new folder.")] = None,
    json_output: Json = False,
) -> int:
    """Play a command file, or a raw LOBSTER message file, through FIX and compare the books.

    It starts a venue for the play, and checks it with `lockstep verify` afterwards, unless --config names a running
    one. Exit codes: 0 every checkpoint agrees; 1 one does not, or the play failed; 2 an input can't be used.
    """
    if not 1 <= levels <= 5:
        raise UsageError(f"--levels is 1 to 5, not {levels}")
    if durability not in ("none", "local"):
        raise UsageError(f"--durability is none or local, not {durability}")
    order_flow, books = _read(commands_file, book)
    out = Console(stderr=True, quiet=True) if json_output else console()
    try:
        if config is not None:
            target = _target(load(config), symbol, buyer, seller, password)
            outcome = _play(order_flow, books, target, levels, out)
            verified = None
        else:
            outcome, verified = _play_alone(order_flow, books, symbol, durability, levels, keep, out)
    except (FlowError, Stalled, BookLost, LogonRefused, ConnectionError, throwaway.NotReady) as error:
        out.print(f"the play failed: {error}", style="red", markup=False, soft_wrap=True)
        return EXIT_PROBLEM
    _report(outcome, verified, json_output)
    return EXIT_OK if outcome.agrees and verified is not False else EXIT_PROBLEM


def _read(commands_file: Path, book: Path) -> tuple[Flow, Books]:
    try:
        books = commands.read_books(book, 5)
        if lobster.is_message_file(commands_file):
            return lobster.read(commands_file, books), books
        order_flow = commands.read(commands_file)
    except (OSError, FlowError) as error:
        raise UsageError(str(error)) from None
    beyond = [row for _, row in order_flow.checkpoints if row >= len(books)]
    if beyond:
        raise UsageError(f"{commands_file} compares with row {beyond[0]} of {book}, which has {len(books)} rows")
    return order_flow, books


def _target(config: Config, symbol: str, buyer: str, seller: str, password: str) -> Target:
    gateways = {account.name: account.gateway or 1 for account in config.accounts}
    ports = {name: config.fix.port_of(gateways.get(name, 1)) for name in (buyer, seller)}
    return Target(
        config.fix.address, ports, config.market_data.port, config.fix.target_comp_id, symbol, buyer, seller,
        password,
    )  # fmt: skip


def _play_alone(
    order_flow: Flow, books: Books, symbol: str, durability: str, levels: int, keep: Path | None, out: Console
) -> tuple[Outcome, bool]:
    """Play on a venue of the play's own, stop it, and verify what it left."""
    with throwaway.folder(keep) as folder:
        config = throwaway.write_config(folder, symbol, durability)
        out.print(f"starting a venue in {folder}", style="dim", markup=False)
        with throwaway.running(config):
            target = _target(load(config), symbol, "BUYER", "SELLER", "demo")
            outcome = _play(order_flow, books, target, levels, out)
            stopping = time.monotonic()
        out.print(f"the venue stopped in order after {time.monotonic() - stopping:.1f} s", style="dim")
        return outcome, _verify(config, out)


def _play(order_flow: Flow, books: Books, target: Target, levels: int, out: Console) -> Outcome:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} commands, {task.fields[agreed]:,} checkpoints agree"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=out, disable=not out.is_terminal) as progress:
        task = progress.add_task("playing", total=len(order_flow), agreed=0)
        return asyncio.run(play(order_flow, books, target, levels, _teller(progress, task)))


def _teller(progress: Progress, task: int) -> Callable[[int, int], None]:
    def moved(command: int, agreed: int) -> None:
        progress.update(task, completed=command, agreed=agreed)  # type: ignore[arg-type]

    return moved


def _verify(config: Path, out: Console) -> bool:
    """`lockstep verify` on the venue that was stopped: journal, database and money."""
    answer = subprocess.run(
        [sys.executable, "-m", "lockstep", "verify", str(config)], capture_output=True, text=True, check=False
    )
    out.print((answer.stdout + answer.stderr).strip(), markup=False, highlight=False, soft_wrap=True)
    return answer.returncode == 0


def _report(outcome: Outcome, verified: bool | None, json_output: bool) -> None:
    rate = outcome.commands / outcome.seconds
    if json_output:
        print(
            json.dumps(
                {
                    "commands": outcome.commands,
                    "seconds": round(outcome.seconds, 3),
                    "commands_per_second": round(rate),
                    "checkpoints": outcome.checkpoints,
                    "agreed": outcome.agreed,
                    "refused": outcome.refused,
                    "refusals": outcome.refusals,
                    "verified": verified,
                }
            )
        )
        return
    out = console()
    for difference in outcome.differences:
        out.print(f"row {difference.row}, event {difference.event}:", style="red")
        out.print(f"  published {difference.expected}\n  venue     {difference.found}", highlight=False)
    for refusal in outcome.refusals:
        out.print(f"refused: {refusal}", style="red", markup=False, soft_wrap=True)
    colour = "green" if outcome.agrees else "red"
    out.print(
        f"{outcome.commands:,} commands in {outcome.seconds:.1f} s ({rate:,.0f}/s); {outcome.agreed:,} of "
        f"{outcome.checkpoints:,} checkpoints agree; {outcome.refused:,} commands refused",
        style=colour,
        highlight=False,
    )
