"""`lockstep init`: writes a configuration of your own, with comments on the lines that you may want to change, and
begins its venue.

It asks on a terminal, and takes its options' values elsewhere. What it writes has been loaded and checked.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from cyclopts import Parameter
from msgspec import Struct
from rich.prompt import Prompt

from lockstep import config
from lockstep.cli import begin, venue_file
from lockstep.cli.errors import UsageError
from lockstep.cli.terminal import EXIT_OK, OWN_CONFIG, Json, console, load, print_json
from lockstep.cli.venue_file import Wishes
from lockstep.config.schema import Bps, FeePpm, Name, Port
from lockstep.core.rules.credentials import HASHER

Durability = Literal["local", "none"]
PASSWORD_BYTES = 12


class Written(Struct, frozen=True):
    """`passwords` are in no file: only their hashes are. `page` is where the web page will be."""

    file: str
    passwords: dict[str, str]
    page: str


class Question(NamedTuple):
    """A question whose answer is a field of `Wishes`. `read` gives its value, or ValueError with what is wrong."""

    field: str
    asks: str
    read: Callable[[str], Any]


def _valid(kind: Any) -> Callable[[str], Any]:
    """Read an answer as a value of the configuration's schema."""

    def read(text: str) -> Any:
        try:
            return msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"{text} can't be it: {error}") from None

    return read


def _names(text: str) -> list[str]:
    return [_valid(Name)(word) for word in venue_file.words(text)]


def _folder(text: str) -> str:
    if not text or any(character in text for character in '"\\\n'):
        raise ValueError("a folder's name without quotes and backslashes is wanted")
    return text


QUESTIONS = (
    Question("name", "name of the venue", _valid(Name)),
    Question("data", "data folder", _folder),
    Question("durability", "orders are answered once they are synced (local) or written (none)", _valid(Durability)),
    Question("api_port", "port of the web page and the API", _valid(Port)),
    Question("fix_port", "port of FIX", _valid(Port)),
    Question("market_port", "port of market data", _valid(Port)),
    Question("metrics_port", "port of metrics and health", _valid(Port)),
    Question("pairs", "instruments, with reference prices: BASE/QUOTE@PRICE", venue_file.pairs),
    Question("maker_fee_ppm", "maker's fee, in 1/1,000,000", _valid(FeePpm)),
    Question("taker_fee_ppm", "taker's fee, in 1/1,000,000", _valid(FeePpm)),
    Question("band_bps", "how far from the last trade orders trade, in 1/10,000 (0: any)", _valid(Bps)),
    Question("traders", "traders", _names),
    Question("operators", "operators, who halt, cancel and adjust", _names),
    Question("admins", "admins, who say who may do what", _names),
)
PORTS = ("api_port", "fix_port", "market_port", "metrics_port")
PEOPLE = ("traders", "operators", "admins")


def init(
    file: Annotated[Path, Parameter(help="The file to write; it must not exist.")] = Path("venue.toml"),
    *,
    name: Annotated[str, Parameter(help="Names the venue.")] = "lockstep",
    data: Annotated[str, Parameter(help="The data folder; relative to the file's.")] = "data",
    durability: Annotated[Literal["local", "none"], Parameter(help="When a command counts as committed.")] = "local",
    api_port: Annotated[int, Parameter(help="The web page, REST and WebSocket.")] = 8080,
    fix_port: Annotated[int, Parameter(help="FIX order entry.")] = 9878,
    market_port: Annotated[int, Parameter(help="Market data over WebSocket.")] = 8081,
    metrics_port: Annotated[int, Parameter(help="Metrics and health.")] = 9879,
    instruments: Annotated[
        str, Parameter(help="Pairs BASE/QUOTE, or BASE/QUOTE@PRICE with a reference price, with commas between them.")
    ] = "BTC/USDT@60000",
    maker_fee_ppm: Annotated[int, Parameter(help="Of what the maker receives, in 1/1,000,000.")] = 1000,
    taker_fee_ppm: Annotated[int, Parameter(help="Of what the taker receives, in 1/1,000,000.")] = 1000,
    band_bps: Annotated[int, Parameter(help="How far from the last trade orders trade, in 1/10,000; 0: any.")] = 1000,
    traders: Annotated[str, Parameter(help="Accounts, with commas between them.")] = "TRADER1,TRADER2",
    operators: Annotated[str, Parameter(help="Operators' accounts.")] = "OPERATOR1,OPERATOR2",
    admins: Annotated[str, Parameter(help="Admins' accounts.")] = "ADMIN1,ADMIN2",
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative=(), help="Ask nothing: use the options.")] = False,
    json: Json = False,
) -> int:
    """Write a commented configuration of your own: asks on a terminal, uses the options without one.

    Each answer is checked at once. Each account gets a password, which is printed once; the file has its hash. The
    data folder is made, with an empty journal, as lockstep begin does.

    Example: lockstep init my/venue.toml --instruments BTC/USDT@60000,ETH/USDT@3000 --yes

    Exit codes: 0 it is written; 2 it exists, or what was asked for is no configuration.
    """
    if file.exists():
        raise UsageError(f"{file} exists: name another file")
    given: dict[str, str] = {
        "name": name, "data": data, "durability": durability, "api_port": str(api_port), "fix_port": str(fix_port),
        "market_port": str(market_port), "metrics_port": str(metrics_port), "pairs": instruments,
        "maker_fee_ppm": str(maker_fee_ppm), "taker_fee_ppm": str(taker_fee_ppm), "band_bps": str(band_bps),
        "traders": traders, "operators": operators, "admins": admins,
    }  # fmt: skip
    asks = sys.stdin.isatty() and not json and not yes
    try:
        wishes = Wishes(**_answers(given, _ask if asks else None))
    except EOFError:
        raise UsageError("nothing was written: the input ended before the last answer") from None
    except ValueError as error:
        raise UsageError(str(error)) from None
    written = write(file, wishes)
    _begin(file)
    if json:
        print_json(written)
    else:
        _print(written)
    return EXIT_OK


def _answers(given: dict[str, str], ask: Callable[[Question, str], str] | None) -> dict[str, Any]:
    """Read every answer; on a terminal (`ask`) again and again until it is one. ValueError where there is none."""
    found: dict[str, Any] = {}
    for question in QUESTIONS:
        while True:
            text = given[question.field] if ask is None else ask(question, given[question.field])
            try:
                found[question.field] = _checked(question, text.strip(), found)
                break
            except ValueError as error:
                if ask is None:
                    raise
                console().print(f"  {error}", markup=False, style="red", soft_wrap=True)
    return found


def _checked(question: Question, text: str, before: dict[str, Any]) -> Any:
    """Read an answer, and hold it against those before it. ValueError."""
    try:
        value = question.read(text)
    except ValueError as error:
        raise ValueError(f"{question.asks}: {error}") from None
    for kind, others in ((PORTS, [before.get(each) for each in PORTS]), (PEOPLE, [*_of_people(before)])):
        if question.field not in kind:
            continue
        values = value if isinstance(value, list) else [value]
        if twice := [each for each in values if each in others or values.count(each) > 1]:
            raise ValueError(f"{question.asks}: {twice[0]} is there already")
    return value


def _of_people(answers: dict[str, Any]) -> Iterator[str]:
    for each in PEOPLE:
        yield from answers.get(each, ())


def _ask(question: Question, default: str) -> str:
    return str(Prompt.ask(question.asks, default=default))


def _begin(file: Path) -> None:
    """Begin the venue of the file in its data folder, unless that has a journal. UsageError."""
    try:
        begin.make(load(file, secrets=False), if_none=True)
    except UsageError as error:
        raise UsageError(f"{file} is written, and its venue can't start yet: {error}") from None


def write(file: Path, wishes: Wishes) -> Written:
    """Write `file`, readable by its owner only. UsageError, and nothing is written, if that is no configuration."""
    names = [*wishes.traders, *wishes.operators, *wishes.admins]
    passwords = {name: secrets.token_urlsafe(PASSWORD_BYTES) for name in names}
    text = venue_file.text_of(wishes, {name: HASHER.hash(password) for name, password in passwords.items()})
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
    return Written(str(file), passwords, f"http://127.0.0.1:{wishes.api_port}")


def _print(written: Written) -> None:
    out = console()
    out.print(f"{written.file} is written. The passwords, which are nowhere else:", markup=False, soft_wrap=True)
    for name, password in written.passwords.items():
        out.print(f"  {name:<16} {password}", markup=False, soft_wrap=True)
    named = "" if written.file == OWN_CONFIG else f" {written.file}"
    out.print(f"The web page will be at {written.page}: log in as a trader, an operator or an admin.", soft_wrap=True)
    out.print(f"Next: lockstep run{named}", markup=False, soft_wrap=True)
