"""`lockstep begin`: makes the data folder of a new venue, with an empty journal, which no start does by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lockstep.cli.errors import UsageError
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, console, load
from lockstep.config.schema import Config
from lockstep.core.journal.journal import JournalError
from lockstep.core.venue import first_journal


def begin(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    if_none: Annotated[bool, Parameter(negative=(), help="Change nothing, and succeed, where there is one.")] = False,
) -> int:
    """Begin a new venue: make its data folder, with an empty journal. Once, before its first start.

    A start never does that by itself. If it finds no journal, the disk may be lost or not mounted, and a venue that
    began again would give out the first deposits and the first order ids a second time. Run it as the user that runs
    the venue. lockstep init does it for the file that it writes, and lockstep pair for two new nodes.

    Example: lockstep begin venue.toml && lockstep run venue.toml

    Exit codes: 0 the venue can start; 2 it has a journal already, is one of two nodes, or the folder can't be made.
    """
    loaded = load(config, secrets=False)
    if make(loaded, if_none=if_none):
        says = f"the venue is empty, and can start: its data is in {loaded.venue.data}"
        console().print(says, markup=False, soft_wrap=True)
    return EXIT_OK


def make(config: Config, *, if_none: bool) -> bool:
    """Begin the journal of a venue of one node; return False where there is one, and `if_none`. UsageError."""
    try:
        if if_none and first_journal.is_begun(Path(config.venue.data)):
            return False
        if config.replication.node is not None:
            raise UsageError("this venue has two nodes: lockstep pair begins the journal of the one that leads")
        first_journal.begin(config)
    except JournalError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"no journal can be begun in {config.venue.data}: {error.strerror}") from None
    return True
