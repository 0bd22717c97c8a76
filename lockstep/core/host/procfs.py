"""What /proc says about a process: that it is the one that was started, and the addresses it listens on.

It reads text files of the kernel and never sends a signal.
"""

from __future__ import annotations

import os
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from msgspec import Struct

PROC = Path("/proc")
LISTEN = "0A"  # TCP_LISTEN in the state column of /proc/net/tcp
# Fields of /proc/PID/stat, counted from 1 as proc(5) does. What stands before the state is cut off.
FIRST_FIELD = 3
START_TIME_FIELD = 22
PROCESSOR_FIELD = 39


class Identity(Struct, frozen=True):
    """Identifies a process: its pid may be used again, but not with the same start time and command line."""

    pid: int
    start_ticks: int
    command: str


def core_of(pid: int) -> int | None:
    """The core that `pid` ran on last, or None if there is no such process."""
    fields = _stat_fields(pid)
    return int(fields[PROCESSOR_FIELD - FIRST_FIELD]) if fields else None


def identify(pid: int) -> Identity | None:
    """Who `pid` is now, or None if there is no such process, or only a zombie that waits for its parent."""
    fields = _stat_fields(pid)
    try:
        command = (
            (PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
        )
    except (FileNotFoundError, ProcessLookupError):
        return None
    if not fields or fields[0] == "Z":
        return None
    return Identity(pid, int(fields[START_TIME_FIELD - FIRST_FIELD]), command)


def listening(pid: int) -> list[tuple[IPv4Address | IPv6Address, int]]:
    """The (address, port) pairs that `pid` accepts TCP connections on, in no order; empty if the process is gone."""
    try:
        inodes = _socket_inodes(PROC / str(pid) / "fd")
        tables = [(PROC / str(pid) / "net" / name).read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    except (FileNotFoundError, ProcessLookupError):
        return []
    rows = [line.split() for lines in tables for line in lines]
    return [_endpoint(row[1]) for row in rows if row[3] == LISTEN and row[9] in inodes]


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty if there is no such process."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    # The command's name stands in parentheses and may hold anything: the fields are counted from after its last one.
    return stat[stat.rindex(")") + 2 :].split()


def _socket_inodes(folder: Path) -> set[str]:
    inodes = set()
    for entry in list(folder.iterdir()):
        try:
            target = os.readlink(entry)
        except FileNotFoundError:  # closed since it was listed
            continue
        if target.startswith("socket:["):
            inodes.add(target[len("socket:[") : -1])
    return inodes


def _endpoint(text: str) -> tuple[IPv4Address | IPv6Address, int]:
    """`0100007F:2696` as address and port: the kernel prints addresses as 32-bit words in the machine's byte order."""
    address, port = text.split(":")
    words = [address[i : i + 8] for i in range(0, len(address), 8)]
    packed = b"".join(bytes.fromhex(word)[::-1] for word in words)
    return ip_address(packed), int(port, 16)
