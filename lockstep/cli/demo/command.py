"""`lockstep demo`: makes the market of a running venue live, from outside; with --run it runs the venue, too.

It wires configuration, accounts, population and terminal. What is sent, the population decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import uvloop
from cyclopts import Parameter, validators
from msgspec import Struct
from rich.text import Text

from lockstep import VenueError
from lockstep.cli import throwaway
from lockstep.cli.begin import make
from lockstep.cli.demo.accounts import MAKERS, NAMES, NOISE, TRENDS, AccountsError
from lockstep.cli.demo.feed import Feed
from lockstep.cli.demo.joining import NotJoinedError, Venue, await_venue, host_of, join, must_be_free
from lockstep.cli.demo.live import Live
from lockstep.cli.demo.member import SWITCH_S, FixMember, Member, RestMember, Where
from lockstep.cli.demo.population.population import Population, Traders
from lockstep.cli.demo.population.words import Event
from lockstep.cli.errors import UsageError
from lockstep.cli.operate import authority
from lockstep.cli.running import attach
from lockstep.cli.terminal import (
    DEFAULT_CONFIG,
    DEMO_CONFIG,
    DEMO_PASSWORD,
    EXIT_OK,
    EXIT_PROBLEM,
    ConfigPath,
    Json,
    console,
    fail,
    in_url,
    load,
)
from lockstep.config.checks import is_loopback
from lockstep.config.schema import Config
from lockstep.core.diagnostics.counts import counted

LEFT = f"the venue does not answer; it cancels them {SWITCH_S} s after it has heard of them last"
FIRST_S, EVERY_S = 5.0, 30.0  # when it says how it goes


class Said(Struct, frozen=True):
    """Something that happened."""

    event: str
    text: str


class Going(Struct, frozen=True):
    """How it goes: what was sent, refused and traded in a second on average since the last time, and what part of a
    processor core that took; the last prices."""

    event: str
    requests: float
    refused: float
    trades: float
    core: float
    prices: dict[str, str]


class Terminal:
    """Lines for people, or an object a line."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._console = console()

    def say(self, text: str, value: Struct) -> None:
        """Something that happened. If it can't be written, the market goes on."""
        with contextlib.suppress(OSError):
            if self._json:
                print(msgspec.json.encode(value).decode(), flush=True)
            else:
                self._console.print(Text(f"{time.strftime('%H:%M:%S')} {text}"), soft_wrap=True)

    def member(self, name: str, text: str) -> None:
        """Something that happened to an account."""
        self.say(f"{name} {text}", Said("member", f"{name} {text}"))


def demo(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    seed: Annotated[int | None, Parameter(help="Decides what the traders do; it is drawn if none is given.")] = None,
    rate: Annotated[
        int,
        Parameter(
            validator=validators.Number(gte=1, lte=1000),
            help="Requests a second, at most; more only to fill empty books.",
        ),
    ] = 60,
    symbols: Annotated[str, Parameter(help="Only these, with commas between them; else all that are listed.")] = "",
    operator: Annotated[str, Parameter(help="Who sets up its accounts; else the configuration's first operator.")] = "",
    run: Annotated[bool, Parameter(negative=(), help="Run the venue, too, and stop it at the end.")] = False,
    json: Json = False,
) -> int:
    """Make the market of a running venue live until Ctrl-C: traders quote, take and follow trends.

    Where no configuration is given or found, and the demo venue does not run, it is run too, with its data in
    ./lockstep-data.

    They join over FIX and REST, as MAKER1 to MAKER3, NOISE1, NOISE2 and TREND1: accounts that an operator sets up
    with play money, by the password in LOCKSTEP_OPERATOR_PASSWORD or the plain one of the configuration. They leave no
    order behind; if this is killed, the venue cancels them within seconds. With --json each line is an object.

    Example: lockstep demo --symbols BTCUSDT,ETHUSDT --rate 20

    Exit codes: 0 it was stopped, and no order is left; 1 the venue can't be joined, orders may be left, or with --run
    the venue has ended by itself; 2 the configuration is wrong.
    """
    loaded = load(config)
    if loaded.api.port is None:
        raise UsageError(f"{config}: a market needs the api: give api.port")
    if loaded.api.certificate or not all((loaded.api.port, loaded.fix.port, loaded.market_data.port)):
        raise UsageError(f"{config}: a market needs an api without TLS, and ports that are not 0")
    name, secret = _operator(loaded, operator)
    terminal = Terminal(json=json)
    is_demo = config == DEMO_CONFIG and attach(Path(loaded.venue.data)) is None
    hosted = throwaway.Venue(config) if run or is_demo else None
    if hosted is not None:
        must_be_free(loaded)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if hosted is not None:
        make(loaded, if_none=True)
        hosted.is_shown = True
        hosted.start()
    code = EXIT_PROBLEM
    try:
        chosen = [each for each in symbols.split(",") if each]

        async def lives() -> list[str]:
            if hosted is not None:
                await await_venue(loaded, hosted.has_ended)
            market = Market(loaded, await join(loaded, name, secret, chosen), terminal)
            return await market.live(secrets.randbelow(10**6) if seed is None else seed, rate, hosted)

        left = uvloop.run(lives())
        code = fail(f"{', '.join(left)} may have open orders: {LEFT}", json=json) if left else EXIT_OK
    except (AccountsError, NotJoinedError, VenueError) as error:
        code = fail(str(error), json=json)
    except KeyboardInterrupt:
        code = EXIT_OK  # before the market began
    finally:
        if hosted is not None:
            code = _stop(hosted, json=json) or code
    return code


def _stop(hosted: throwaway.Venue, *, json: bool) -> int:
    """Stop the venue, in order or before it began; return the exit code of that."""
    try:
        return EXIT_OK if hosted.stop(signal.SIGTERM) in (0, -signal.SIGTERM) else EXIT_PROBLEM
    except throwaway.NotReady as error:
        return fail(str(error), json=json)


def _operator(config: Config, name: str) -> tuple[str, str]:
    """Who sets up the accounts, and the password. UsageError."""
    known = {each.name: each for each in config.accounts if each.operator or each.role in ("operator", "admin")}
    if not name and not known:
        raise UsageError("the configuration has no operator who could set up accounts: name one by --operator")
    name = name or next(iter(known))
    given = known[name].password if name in known else None
    if given is not None:
        return name, given
    if authority.PASSWORD_VARIABLE not in os.environ and is_loopback(config):
        return name, DEMO_PASSWORD
    return name, authority.password_of(name)


class Market:
    """A population at a venue."""

    def __init__(self, config: Config, venue: Venue, terminal: Terminal) -> None:
        self._config = config
        self._venue = venue
        self._terminal = terminal

    async def live(self, seed: int, rate: int, hosted: throwaway.Venue | None) -> list[str]:
        """Trade until a signal, or the hosted venue's end. Returns whose orders may be left."""
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        if hosted is not None and hosted.process is not None:
            _call_at_end(hosted.process, stopping.set)
        live = Live(Population(seed, rate, self._venue.listed, Traders(MAKERS, NOISE, TRENDS)))
        section = self._config.market_data
        feed = Feed(f"ws://{in_url(host_of(section.address))}:{section.port}", self._venue.steps, live.hears)
        what = f"{', '.join(self._venue.steps)}: {counted(len(NAMES), 'account')}, seed {seed}; Ctrl-C ends it"
        self._terminal.say(f"a market begins in {what}", Said("begins", what))
        reports = asyncio.create_task(self._report(live, feed))
        left = await live.run(self._members(live.hears), feed, stopping)
        reports.cancel()
        if not left:
            self._terminal.say("the market has ended, and no order is left", Said("ended", "no order is left"))
        return left

    def _members(self, hears: Callable[[Event], None]) -> list[Member]:
        fix, run = self._config.fix, f"{time.time_ns() // 10**6:x}"
        where = Where(host_of(fix.address), fix.port, fix.target_comp_id, run)
        common = (self._venue.steps, hears, self._terminal.member)
        return [
            RestMember(person, *common) if person.name in NOISE else FixMember(person, where, *common)
            for person in self._venue.people
        ]

    async def _report(self, live: Live, feed: Feed) -> None:
        """Say how it goes, now and then."""
        before, then_s, pause_s = (0, 0, 0, time.process_time()), time.monotonic(), FIRST_S
        while True:
            await asyncio.sleep(pause_s)  # the pace of these lines
            took_s = time.monotonic() - then_s
            now = (live.requests, live.refused, feed.trades, time.process_time())
            requests, refused, trades, core = ((new - old) / took_s for new, old in zip(now, before, strict=True))
            prices = ", ".join(f"{symbol} {price}" for symbol, price in sorted(feed.last.items()))
            self._terminal.say(
                f"{requests:.0f} requests and {trades:.0f} trades a second, {core:.1%} of a core; {prices}",
                Going("goes on", round(requests, 1), round(refused, 1), round(trades, 1), round(core, 4), feed.last),
            )
            before, then_s, pause_s = now, time.monotonic(), EVERY_S


def _call_at_end(process: subprocess.Popen[bytes], told: Callable[[], None]) -> None:
    """Have `told` called once a process has ended."""
    loop, pidfd = asyncio.get_running_loop(), os.pidfd_open(process.pid)

    def ended() -> None:
        loop.remove_reader(pidfd)
        os.close(pidfd)
        told()

    loop.add_reader(pidfd, ended)
