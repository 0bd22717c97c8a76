"""What a node is in its venue: its role, and whose acknowledgement its commits wait for; a file of the data folder.

It outlives configuration and runs: after a failover the roles are the other way round. It opens no socket.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from lockstep.config.schema import Config
from lockstep.core.files import atomic_file

ROLE = "role.json"
JOINING = "join.json"  # beside it: a copy of the other node is taking the place of what is here
MODES = ("none", "local", "replicated", "both")
MODE_SHIFT, STATED = 8, 1 << 16  # in what an Epoch says


class Node(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`members` are the nodes whose acknowledgement the commits of a primary wait for, itself among them.

    A primary without another member is solo; without any, it is not known whom its commits wait for. A successor is a
    secondary that leads as soon as the primary has handed over in order. `statement` is what the operator said when the
    other node was left behind. `journal_id` (hex) is what a journal that begins in this folder is called: that of the
    node which it is paired with. `rules` is the version to which the operator has let epochs of this node raise the
    log's rules; 0: they keep the log's. `peer` is the name of the node which it is paired with.
    """

    role: Literal["primary", "secondary", "successor"] = "primary"
    members: tuple[str, ...] = ()
    statement: str = ""
    journal_id: Annotated[str, Meta(pattern=r"^([0-9a-f]{32})?\Z")] = ""
    rules: Annotated[int, Meta(ge=0)] = 0
    peer: str = ""

    @property
    def is_secondary(self) -> bool:
        return self.role != "primary"


class RoleError(Exception):
    """The file of the role can't be used; the message says which, and what to do."""


def folder_of(data: Path) -> Path:
    """Where the node of the venue in `data` keeps its role and its keys. Its owner's alone."""
    return data / "node"


def load(data: Path) -> Node:
    """What the node in `data` is; a primary that no file says anything of. RoleError."""
    file = folder_of(data) / ROLE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Node)
    except FileNotFoundError:
        return Node()
    except (OSError, ValueError) as error:  # of msgspec, or of what is no UTF-8
        raise RoleError(f"{file} can't be read ({error}): put a copy back, or have lockstep rejoin write it") from error


def save(data: Path, node: Node) -> None:
    """Have it on disk when this returns. OSError."""
    atomic_file.replace_durably(made_folder(data) / ROLE, msgspec.json.encode(node))


def made_folder(data: Path) -> Path:
    """The node's folder; its name is on disk when this returns. OSError."""
    folder = folder_of(data)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    atomic_file.sync(data)
    return folder


def is_paired(config: Config, node: Node) -> bool:
    """Whether commits of a primary wait for the other node: as soon as that has once had all of the log."""
    return config.venue.durability in ("replicated", "both") and len(node.members) > 1


def needs_peer(config: Config, node: Node) -> bool:
    """Return whether a primary has to hear its peer, or the operator, before it leads.

    So it is where commits waited for the peer, and where nothing says whom they waited for: of a folder that was
    restored, or lost its role.
    """
    return config.replication.node is not None and (is_paired(config, node) or not node.members)


def in_epoch(config: Config, node: Node) -> int:
    """What an Epoch record says as `members` when this node begins to lead.

    Bits 0 to 7: of how many nodes commits wait for the acknowledgement; 8 to 15: the durability, from 1 on in the order
    of MODES; 16: by an operator's statement the other node is off. A venue of one node says 1.
    """
    if config.replication.node is None:
        return 1
    count = len(node.members) if is_paired(config, node) else 1
    mode = MODES.index(config.venue.durability) + 1
    return count | mode << MODE_SHIFT | (STATED if node.statement and count == 1 else 0)


def parity_of(config: Config, node: Node) -> int:
    """Return what the epochs of this node leave when divided by two; -1: any, as it has no peer.

    Two nodes that lead without knowing of each other must not begin the same epoch.
    """
    own = config.replication.node
    return -1 if own is None or not node.peer else int(own < node.peer)


def tell_supervisor() -> None:
    """Have the supervisor, who started this process, look at the role."""
    os.kill(os.getppid(), signal.SIGUSR2)
