"""`lockstep init`: writes a configuration of your own, with comments on the lines that you may want to change, and
begins its venue.

It asks on a terminal, and takes its options' values elsewhere. What it writes has been loaded and checked.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from msgspec import Struct
from rich.prompt import Prompt

import config
from procs.rules.credentials import HASHER
from scripts import begin
from scripts.errors import UsageError
from scripts.terminal import EXIT_OK, Json, console, load, print_json

PASSWORD_BYTES = 12
PAIR = re.compile(r"([A-Z0-9]{1,16})/([A-Z0-9]{1,16})")
NAMES = re.compile(r"[\s,]+")

VENUE = """\
# A Lockstep venue. Keys that are left out have their defaults: the project's config/demo.toml explains them all.
# lockstep check says what a start with a changed file would do.

[venue]
name = "{name}"
data = "{data}"               # everything the venue keeps; a relative path starts at this file's folder
durability = "{durability}"     # "local": orders are answered once they are synced to the disk; "none": once written

[fix]
address = "127.0.0.1"       # no TLS: another address belongs behind a private network
port = {fix_port}

[market_data]
address = "127.0.0.1"
port = {market_port}

[database]
url = ""                    # postgresql://user@host:port/name; empty: an embedded server under the data folder

# What can be held. scale: decimals of the smallest unit. What has been listed once stays as it is.
"""
ASSET = """
[[assets]]
name = "{name}"
scale = 8
"""
INSTRUMENT = """
[[instruments]]
symbol = "{symbol}"
base = "{base}"
quote = "{quote}"
tick = "0.01"               # step of the price
lot = "0.0001"              # step of the quantity
maker_fee_ppm = 0           # of what a side receives, in 1/1,000,000
taker_fee_ppm = 0
# reference_price = "100"   # where market orders start from until the first trade; without it they wait for one
"""
ACCOUNT = """
[[accounts]]
name = "{name}"             # FIX SenderCompID and Username
password_hash = "{hash}"
{rest}"""
TRADER = """\
# deposits = {{ {quote} = "1000000" }}   # given once; later: lockstep deposit
"""
OPERATOR = """\
operator = true             # may halt, cancel, adjust: two, since one approves what the other proposes
"""


class Written(Struct, frozen=True):
    """`passwords` are in no file: only their hashes are."""

    file: str
    passwords: dict[str, str]


class Wishes(Struct, frozen=True):
    """What is to be written."""

    name: str
    data: str
    durability: str
    fix_port: int
    market_port: int
    pairs: list[tuple[str, str]]
    traders: list[str]
    operators: list[str]


def init(
    file: Annotated[Path, Parameter(help="The file to write; it must not exist.")] = Path("venue.toml"),
    *,
    name: Annotated[str, Parameter(help="Names the venue.")] = "lockstep",
    data: Annotated[str, Parameter(help="The data folder; relative to the file's.")] = "data",
    durability: Annotated[Literal["local", "none"], Parameter(help="When a command counts as committed.")] = "local",
    fix_port: Annotated[int, Parameter(help="FIX order entry.")] = 9878,
    market_port: Annotated[int, Parameter(help="Market data over WebSocket.")] = 8081,
    instruments: Annotated[str, Parameter(help="Pairs BASE/QUOTE, with commas between them.")] = "BTC/USDT",
    traders: Annotated[str, Parameter(help="Accounts, with commas between them.")] = "TRADER1,TRADER2",
    operators: Annotated[str, Parameter(help="Operators' accounts.")] = "OPERATOR1,OPERATOR2",
    json: Json = False,
) -> int:
    """Write a commented configuration of your own: asks on a terminal, uses the options without one.

    Each account gets a password, which is printed once; the file has its hash. The data folder is made, with an empty
    journal, as lockstep begin does.

    Example: lockstep init my/venue.toml --instruments BTC/USDT,ETH/USDT

    Exit codes: 0 it is written; 2 it exists, or what was asked for is no configuration.
    """
    if file.exists():
        raise UsageError(f"{file} exists: name another file")
    asked = {
        "name of the venue": name, "data folder": data, "durability (local, none)": durability,
        "port of FIX": str(fix_port), "port of market data": str(market_port), "instruments": instruments,
        "traders": traders, "operators": operators,
    }  # fmt: skip
    if sys.stdin.isatty() and not json:
        try:
            asked = {what: Prompt.ask(what, default=default) for what, default in asked.items()}
        except EOFError:
            raise UsageError("nothing was written: the input ended before the last answer") from None
    written = write(file, _wishes(list(asked.values())))
    _begin(file)
    if json:
        print_json(written)
    else:
        _print(written)
    return EXIT_OK


def _begin(file: Path) -> None:
    """Begin the venue of the file in its data folder, unless that has a journal. UsageError."""
    try:
        begin.make(load(file, secrets=False), if_none=True)
    except UsageError as error:
        raise UsageError(f"{file} is written, and its venue can't start yet: {error}") from None


def write(file: Path, wishes: Wishes) -> Written:
    """Write `file`, readable by its owner only. UsageError, and nothing is written, if that is no configuration."""
    passwords = {name: secrets.token_urlsafe(PASSWORD_BYTES) for name in [*wishes.traders, *wishes.operators]}
    text = _text(wishes, {name: HASHER.hash(password) for name, password in passwords.items()})
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, suffix=".toml") as fresh:
            fresh.write(text)
            fresh.flush()
            config.load(fresh.name)
            os.link(fresh.name, file)
    except config.ConfigError as error:
        raise UsageError("\n".join(f"{problem.key} {problem.message}" for problem in error.problems)) from None
    except OSError as error:
        raise UsageError(f"{file} can't be written: {error.strerror}") from None
    return Written(str(file), passwords)


def _wishes(answers: list[str]) -> Wishes:
    name, data, durability, fix_port, market_port, instruments, traders, operators = answers
    pairs = []
    for word in _words(instruments):
        pair = PAIR.fullmatch(word)
        if pair is None:
            raise UsageError(f"{word} is no pair of assets in capital letters, such as BTC/USDT")
        pairs.append((pair[1], pair[2]))
    try:
        ports = int(fix_port), int(market_port)
    except ValueError:
        raise UsageError(f"ports are numbers, not {fix_port} and {market_port}") from None
    return Wishes(name, data, durability, *ports, pairs, _words(traders), _words(operators))


def _words(text: str) -> list[str]:
    return [word for word in NAMES.split(text) if word]


def _text(wishes: Wishes, hashes: dict[str, str]) -> str:
    assets = dict.fromkeys(asset for pair in wishes.pairs for asset in pair)
    trader = TRADER.format(quote=wishes.pairs[0][1] if wishes.pairs else "USDT")
    return "".join(
        [
            VENUE.format(
                name=wishes.name, data=wishes.data, durability=wishes.durability, fix_port=wishes.fix_port,
                market_port=wishes.market_port,
            ),
            *(ASSET.format(name=asset) for asset in assets),
            *(INSTRUMENT.format(symbol=base + quote, base=base, quote=quote) for base, quote in wishes.pairs),
            *(ACCOUNT.format(name=name, hash=hashes[name], rest=trader) for name in wishes.traders),
            *(ACCOUNT.format(name=name, hash=hashes[name], rest=OPERATOR) for name in wishes.operators),
        ]
    )  # fmt: skip


def _print(written: Written) -> None:
    out = console()
    out.print(f"{written.file} is written. The passwords, which are nowhere else:", markup=False, soft_wrap=True)
    for name, password in written.passwords.items():
        out.print(f"  {name:<16} {password}", markup=False, soft_wrap=True)
    out.print(f"Next: lockstep check {written.file}; lockstep run {written.file}", markup=False, soft_wrap=True)
