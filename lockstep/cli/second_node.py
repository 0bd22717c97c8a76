"""`lockstep second-node`: writes the second node's configuration from that of the first, for a pair.

It changes text in place, so comments stay. Both files are loaded and compared before either is written.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from msgspec import Struct

from lockstep import config
from lockstep.cli import venue_file
from lockstep.cli.errors import UsageError
from lockstep.cli.terminal import EXIT_OK, ConfigPath, Json, Yes, console, is_sure, print_json
from lockstep.cli.venue_file import APART, Place
from lockstep.config.schema import Config
from lockstep.core.files import atomic_file


class Written(Struct, frozen=True):
    """Both files, and what is different in the first one now."""

    first: str
    second: str
    changed: list[str]


def second_node(
    first: ConfigPath,
    second: Annotated[Path, Parameter(help="The file to write for the second node; it must not exist.")],
    *,
    names: Annotated[str, Parameter(help="What the two nodes are called.")] = "a,b",
    address: Annotated[
        str, Parameter(help="The IP address where the first node listens for the second one.")
    ] = "127.0.0.1",
    peer_address: Annotated[str, Parameter(help="The IP address where the second node listens.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="The first node's port there; the second node listens on the next.")] = 9900,
    durability: Annotated[
        Literal["replicated", "both", "local", "none"], Parameter(help="When a command counts as committed.")
    ] = "replicated",
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Write the second node's file from the first node's, and make the first a node of a pair.

    On one machine (both addresses on loopback) the second node gets a data folder and ports of its own. On two, it has
    those of the first: copy the file to the other host. What changes in the first file is shown first.

    Example: lockstep second-node venue.toml venue-b.toml

    Exit codes: 0 both are written; 2 the file exists, the configuration is wrong, or it was not confirmed.
    """
    if second.exists():
        raise UsageError(f"{second} exists: name another file")
    before, loaded = _read(first)
    own, peer = _places(loaded, names, address, peer_address, port)
    after = venue_file.with_replication(before, own, peer, durability)
    other = venue_file.with_replication(after, peer, own, durability)
    if address == peer_address:
        other = _apart(other, loaded, peer.node)
    changed = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[:1] in "+-"]
    if changed and not json:
        console().print(f"{first} changes:", *changed, sep="\n  ", markup=False, soft_wrap=True)
    if changed and not yes and not is_sure(f"Change {first}, and write {second}?"):
        raise UsageError("not confirmed (--yes confirms): nothing was written")
    _write(second, other, first, after)
    if json:
        print_json(Written(str(first), str(second), changed))
        return EXIT_OK
    where = f"{first} {second}" if address == peer_address else f"{first}, and lockstep pair --help for two hosts"
    console().print(f"{second} is written. Next: lockstep pair {where}", markup=False, soft_wrap=True)
    return EXIT_OK


def _read(file: Path) -> tuple[str, Config]:
    try:
        return file.read_text(), config.load(file, secrets=False)
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}") from None
    except config.ConfigError as error:
        raise UsageError(str(error)) from None


def _places(loaded: Config, names: str, address: str, peer_address: str, port: int) -> tuple[Place, Place]:
    called = venue_file.words(names)
    if len(called) != 2 or called[0] == called[1]:
        raise UsageError(f"--names is {names}: two nodes have two names, such as a,b")
    named = loaded.replication.node
    if named not in (None, called[0]):
        raise UsageError(f"the first node is called {named} already: begin --names with it")
    return Place(called[0], address, port), Place(called[1], peer_address, port + 1)


def _apart(text: str, first: Config, node: str) -> str:
    """Give the second node on one machine a data folder and ports of its own."""
    data = venue_file.text_value(text, "venue", "data") or first.venue.data
    text = venue_file.set_key(text, "venue", "data", f'"{data.rstrip("/")}-{node}"')
    for section, port in (
        ("fix", first.fix.port), ("market_data", first.market_data.port), ("api", first.api.port),
        ("metrics", first.metrics.port),
    ):  # fmt: skip
        if port:
            text = venue_file.set_key(text, section, "port", str(port + APART))
    return text


def _write(second: Path, text: str, first: Path, changed: str) -> None:
    """Write the second file, which must not exist, and then the first one. UsageError, and neither is written."""
    try:
        second.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.NamedTemporaryFile("w", dir=second.parent, suffix=".toml") as fresh,
            tempfile.NamedTemporaryFile("w", dir=first.parent, suffix=".toml") as trial,
        ):
            for file, content in ((fresh, text), (trial, changed)):
                file.write(content)
                file.flush()
                config.load(file.name, secrets=False)
            os.link(fresh.name, second)
            mode = first.stat().st_mode
            atomic_file.replace(first, changed.encode())
            first.chmod(mode)
    except config.ConfigError as error:
        raise UsageError("\n".join(f"{problem.key} {problem.message}" for problem in error.problems)) from None
    except OSError as error:
        raise UsageError(f"{second} can't be written: {error.strerror}") from None
