"""The run of a venue that its commands look at."""

from __future__ import annotations

from pathlib import Path

from lockstep.cli.errors import UsageError
from lockstep.config.schema import Config
from lockstep.core.venue.venue import Manifest, Venue, manifest_of
from lockstep.shm.segment import RoleLock, SegmentError


def attach(data: Path) -> Venue | None:
    """The run of the venue in `data`, or None if there is none. PermissionError if it is another user's, UsageError if
    another version of the software runs it.

    Of a supervisor that was killed the shared memory stays until the next start, and is no run: what it says of the
    log's end need not hold any more.
    """
    try:
        manifest = Manifest.load(manifest_of(data))
        if manifest.pid not in (0, RoleLock.holder(data / "venue.lock")):
            return None
        return Venue.attach(manifest)
    except (FileNotFoundError, SegmentError):
        return None
    except ValueError:  # a manifest or a board that is laid out otherwise
        raise UsageError(
            f"the venue in {data} is run by another version of the software, whose lockstep has to be used"
        ) from None


def node_of(config: Config) -> Path:
    """The data folder of one of two nodes. UsageError for a venue of one, or where another node than `config`'s runs in
    that folder: its role would be written under this one's name."""
    data = Path(config.venue.data)
    if config.replication.node is None:
        raise UsageError("this venue has one node: replication.node names none")
    venue = attach(data)
    if venue is not None and _name_of(venue.config) != _name_of(config):
        raise UsageError(
            f"venue.data is {data}, where {_name_of(venue.config)} runs; this configuration is of {_name_of(config)}"
        )
    return data


def _name_of(config: Config) -> str:
    node = config.replication.node
    return f"node {node} of venue {config.venue.name}" if node is not None else f"venue {config.venue.name}"
