"""What the commands share: exit codes, consoles, how a configuration is loaded, how a stopped venue is kept stopped.

It decides nothing for a command.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

# Modules that only some commands need are imported there: `lockstep --help` and a completion must be quick.
if TYPE_CHECKING:
    from lockstep.config.schema import Config
from lockstep.cli.errors import UsageError
from lockstep.cli.rights import act_as_owner

EXIT_OK = 0
EXIT_PROBLEM = 1  # the command ran, and what it looked at is not as it should be
EXIT_USAGE = 2  # the command line or the configuration is wrong
EXIT_UNKNOWN = 3  # it was sent, and the outcome is unknown
EXIT_INTERRUPTED = 130  # by Ctrl-C, as shells have it
EXIT_UNREAD = 141  # the reader of its output has gone, likewise

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # but for tab and line feed
PIPE_WIDTH = 1000  # of tables that go to a file or a pipe, where nothing needs to be cut

CONFIG_HELP = "The venue's configuration file; left out: the one that LOCKSTEP_CONFIG names, or venue.toml."
ConfigPath = Annotated[Path, Parameter(help=CONFIG_HELP)]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON instead of tables.")]
YES_HELP = "Do not ask whether you are sure. Needed where there is no terminal."
Yes = Annotated[bool, Parameter(name=["--yes", "-y"], negative=(), help=YES_HELP)]
OWN_CONFIG = "venue.toml"  # which `lockstep init` writes, and every command finds in its folder
DEMO_CONFIG = Path(__file__).parents[1] / "config" / "demo.toml"
DEMO_PASSWORD = "demo"  # of all its users
DEFAULT_CONFIG = Path(os.environ.get("LOCKSTEP_CONFIG") or (OWN_CONFIG if Path(OWN_CONFIG).exists() else DEMO_CONFIG))


class PlainConsole(Console):
    """Prints others' names and texts as they are: no markup, and no character that a terminal would obey."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """What it prints, with control characters as \\xHH."""
        for segment in super().render(renderable, options):
            if segment.control is None and CONTROLS.search(segment.text):
                text = CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02X}", segment.text)
                segment = Segment(text, segment.style)
            yield segment

    def on_broken_pipe(self) -> None:
        """The reader has closed the pipe: rich would end with code 1, which says that something is wrong."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """Standard output: colours and the window's width on a terminal, plain text and a fixed width elsewhere."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return PlainConsole(highlight=False, markup=False, emoji=False, soft_wrap=False, stderr=stderr, width=width)


def fail(reason: str, *, json: bool, code: int = EXIT_PROBLEM) -> int:
    """Say why a command failed: on standard error, or as JSON if that was asked for."""
    if json:
        print_json({"error": {"reason": reason, "exit_code": code}})
    else:
        console(stderr=True).print(Text(reason, style="red"), soft_wrap=True)
    return code


def say(line: str, style: str = "") -> None:
    """Print a line as it is, in a style where that is wanted."""
    console().print(line, style=style, markup=False, soft_wrap=True)


def is_sure(question: str) -> bool:
    """Ask on a terminal; without one the answer is no."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def load(path: Path, *, secrets: bool = True) -> Config:
    """The configuration in `path`; root goes on as its venue's user. UsageError with everything that is wrong with it,
    or where this user may not act for the venue. Without `secrets`, credentials that can't be read are unknown."""
    from lockstep import config

    try:
        loaded = config.load(path, secrets=secrets)
    except config.ConfigError as error:
        raise UsageError(str(error)) from None
    act_as_owner(Path(loaded.venue.data))
    return loaded


@contextmanager
def stopped(data: Path) -> Iterator[None]:
    """Hold the folder of a venue that must not run meanwhile. UsageError if it runs."""
    from lockstep.shm.segment import RoleLock, RoleTakenError

    lock = RoleLock(data / "venue.lock")
    try:
        lock.acquire()
    except RoleTakenError as error:
        raise UsageError(f"the venue runs: stop it first ({error})") from None
    try:
        yield
    finally:
        lock.release()


def in_url(address: str) -> str:
    """An IP address as URLs have it."""
    return f"[{address}]" if ":" in address else address


def print_json(value: object) -> None:
    """Print a Struct, or anything else that msgspec knows, as indented JSON."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def table(title: str, *columns: str) -> Table:
    """A table without lines. A column's name that ends in > is aligned to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    return made
