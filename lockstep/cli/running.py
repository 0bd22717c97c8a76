"""The run of a venue that its commands look at."""

from __future__ import annotations

from pathlib import Path

from lockstep.cli.errors import UsageError
from lockstep.config.schema import Config
from lockstep.core.venue import venue
from lockstep.core.venue.venue import OtherVersionError, Venue


def attach(data: Path) -> Venue | None:
    """As `venue.attach`; UsageError if another version of the software runs the venue."""
    try:
        return venue.attach(data)
    except OtherVersionError as error:
        raise UsageError(str(error)) from None


def not_running(config: Config) -> str:
    """Why a command that needs a running venue fails."""
    return f"venue {config.venue.name} is not running (data: {config.venue.data})"


def node_of(config: Config) -> Path:
    """The data folder of one of two nodes. UsageError for a venue of one, or where another node than `config`'s runs in
    that folder: its role would be written under this one's name."""
    data = Path(config.venue.data)
    if config.replication.node is None:
        raise UsageError("this venue has one node: replication.node names none")
    running = attach(data)
    if running is not None and _name_of(running.config) != _name_of(config):
        raise UsageError(
            f"venue.data is {data}, where {_name_of(running.config)} runs; this configuration is of {_name_of(config)}"
        )
    return data


def _name_of(config: Config) -> str:
    node = config.replication.node
    return f"node {node} of venue {config.venue.name}" if node is not None else f"venue {config.venue.name}"
