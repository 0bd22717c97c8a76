"""A disk that forgets: it keeps what was synced, and at a power loss does to the rest whatever its seed says.

It models the file system's promises (POSIX, no more) and knows nothing of journals.
"""

# What a file is, in sectors of 512 bytes:
#
#   cached   what a read shows: the page cache
#   platter  what is safe
#   dirty    sector -> its versions since the last sync. A power loss leaves of each sector the platter's, any of these,
#            a mixture of two at any byte, or noise
#   lost     sectors of a failed sync: the kernel takes them for clean: a second sync succeeds and writes none of them
#
# Names work the same way: `entries` is what is seen, `safe` what was synced, `pending` the operations between them, of
# which a power loss keeps the first so many, or any selection.

from __future__ import annotations

import errno
import os
from collections import Counter
from pathlib import Path
from random import Random

from lockstep.core.files.disk import PlayedDisk

SECTOR = 512
MAX_VERSIONS = 4
GIB = 1 << 30


class File:
    """The content of one file, whatever its names."""

    def __init__(self) -> None:
        self.cached = bytearray()
        self.platter = bytearray()
        self.dirty: dict[int, list[bytes]] = {}
        self.lost: set[int] = set()
        self.shortest = 0  # since the last sync: what lies behind it on the platter is gone once that sync is done

    def write(self, data: bytes, offset: int) -> None:
        if offset > len(self.cached):
            self.cached.extend(bytes(offset - len(self.cached)))
        self.cached[offset : offset + len(data)] = data
        for sector in range(offset // SECTOR, -(-(offset + len(data)) // SECTOR)):
            versions = self.dirty.setdefault(sector, [])
            versions.append(bytes(self.cached[sector * SECTOR : (sector + 1) * SECTOR]))
            del versions[:-MAX_VERSIONS]
            self.lost.discard(sector)

    def truncate(self, size: int) -> None:
        self.shortest = min(self.shortest, size)
        self.cached[size:] = bytes(max(0, size - len(self.cached)))
        for sector in [sector for sector in self.dirty if sector * SECTOR >= size]:
            del self.dirty[sector]

    def resize(self, size: int) -> None:
        """Carry the unsynced change of size to the platter."""
        del self.platter[self.shortest :]
        self.platter[size:] = bytes(max(0, size - len(self.platter)))
        self.shortest = len(self.platter)

    def put(self, sector: int, data: bytes) -> None:
        """Write a sector to the platter, as far as the file has it."""
        begin = sector * SECTOR
        end = min(begin + SECTOR, len(self.platter))
        if begin < end:
            self.platter[begin:end] = data.ljust(SECTOR, b"\0")[: end - begin]

    def sync(self) -> None:
        self.resize(len(self.cached))
        for sector, versions in self.dirty.items():
            self.put(sector, versions[-1])
        self.dirty.clear()

    def lose(self, draw: Random) -> None:
        """Fail a sync: some sectors are written, the others are lost in silence."""
        self.resize(len(self.cached))
        for sector, versions in self.dirty.items():
            if draw.random() < 0.5:
                self.put(sector, versions[-1])
            else:
                self.lost.add(sector)
        self.dirty.clear()

    def forget(self) -> None:
        """Drop clean pages from memory: what was lost shows."""
        for sector in self.lost - self.dirty.keys():
            begin, end = sector * SECTOR, min((sector + 1) * SECTOR, len(self.cached))
            self.cached[begin:end] = self.platter[begin:end].ljust(max(0, end - begin), b"\0")
        self.lost.clear()

    def lose_power(self, draw: Random, fates: Fates) -> None:
        if draw.random() < fates.resized:
            least = min(self.shortest, len(self.cached))
            self.resize(draw.choice((len(self.cached), draw.randint(least, len(self.cached)))))
        for sector, versions in self.dirty.items():
            old = bytes(self.platter[sector * SECTOR : (sector + 1) * SECTOR]).ljust(SECTOR, b"\0")
            self.put(sector, fates.of(draw, old, [version.ljust(SECTOR, b"\0") for version in versions]))
        self.cached = bytearray(self.platter)
        self.dirty.clear()
        self.lost.clear()
        self.shortest = len(self.platter)


class Fates:
    """How likely what is, at one power loss; by default another mixture each time."""

    def __init__(self, draw: Random, *, kept: float | None = None, noise: float | None = None) -> None:
        self.kept = draw.choice((0.0, 0.1, 0.5, 0.9, 1.0)) if kept is None else kept
        self.noise = draw.choice((0.0, 0.0, 0.1, 1.0)) if noise is None else noise
        self.mixed = draw.choice((0.0, 0.1, 0.5))
        self.resized = draw.choice((0.0, 0.5, 1.0))
        self.in_order = draw.random() < 0.5

    def of(self, draw: Random, old: bytes, versions: list[bytes]) -> bytes:
        if draw.random() < self.kept:
            return versions[-1]
        if draw.random() < self.noise:
            return draw.randbytes(SECTOR)
        if draw.random() < self.mixed:
            at = draw.randrange(SECTOR)
            return draw.choice((versions[-1][:at] + old[at:], old[:at] + versions[-1][at:]))
        return draw.choice((old, old, *versions))

    def select(self, draw: Random, pending: list[tuple[str, str]]) -> list[tuple[str, str]]:
        if self.in_order:
            return pending[: draw.randint(0, len(pending))]
        return [operation for operation in pending if draw.random() < self.kept]


class FakeDisk(PlayedDisk):
    """A folder on a disk with faults. All that happens follows from `seed` and from what is done to it.

    `power_off_at`: the operation at which power fails; from then on all are refused with EIO, until `power_on`.
    `fail_sync_at`, `fail_write_at`, `short_write_at`: numbers of the sync or write that goes wrong.
    `capacity_bytes` and `others_bytes` (of other files) say when the disk is full. `seen` counts what happened.
    """

    def __init__(self, seed: int, capacity_bytes: int = GIB) -> None:
        super().__init__(Path("/simulated"))
        self.draw = Random(seed)
        self.capacity_bytes = capacity_bytes
        self.others_bytes = 0
        self.entries: dict[str, File] = {}
        self.safe: dict[str, File] = {}
        self.pending: list[tuple[str, str]] = []
        self.created: dict[str, list[File]] = {}
        self.handles: dict[int, File] = {}
        self.next_handle = 3
        self.locked = False
        self.off = False
        self.operations = self.writes = self.syncs = 0
        self.power_off_at = self.fail_sync_at = self.fail_write_at = self.short_write_at = 0
        self.seen: Counter[str] = Counter()

    def power_on(self, fates: Fates | None = None) -> None:
        """Lose power, if it is not off yet, and start again with what the platter has."""
        self.seen["power loss"] += 1
        fates = fates or Fates(self.draw)
        created = {name: list(files) for name, files in self.created.items()}
        for what, name in fates.select(self.draw, self.pending):
            if what == "create":
                self.safe.setdefault(name, created[name].pop(0))
            elif what == "remove":
                self.safe.pop(name, None)
            else:
                old, _, new = name.partition("\0")
                if old in self.safe:
                    self.safe[new] = self.safe.pop(old)
        for file in self.safe.values():
            file.lose_power(self.draw, fates)
        self.entries = dict(self.safe)
        self.pending.clear()
        self.created.clear()
        self.power_off_at = 0
        self.off = False
        self.kill()

    def kill(self) -> None:
        """The process that used it is dead: what it wrote stays as it is."""
        self.handles.clear()
        self.locked = False
        self.fail_sync_at = self.fail_write_at = self.short_write_at = 0

    def used_bytes(self) -> int:
        return self.others_bytes + sum(len(file.cached) for file in self.entries.values())

    def operate(self, what: str) -> bool:
        """Count an operation. False: power fails, before it is done; EIO, after that or without power at all."""
        if self.off:
            raise OSError(errno.EIO, "the power is off")
        self.operations += 1
        self.seen[what] += 1
        if self.operations != self.power_off_at:
            return True
        self.off = True
        return self.draw.random() < 0.5

    def done(self) -> None:
        if self.off:
            raise OSError(errno.EIO, "the power is off")

    # What the interface asks for.

    def on_create(self) -> None:
        pass

    def on_lock(self) -> bool:
        if self.locked:
            return False
        self.locked = True
        return True

    def on_unlock(self) -> None:
        self.locked = False

    def is_dir(self) -> bool:
        """As a path is asked: whether there is a journal."""
        return bool(self.entries)

    def on_names(self) -> list[str]:
        return sorted(self.entries)

    def on_open(self, name: str, create: bool) -> int:
        if self.off:
            raise OSError(errno.EIO, "the power is off")
        if name not in self.entries:
            if not create:
                raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
            if self.operate("create"):
                self.entries[name] = File()
                self.created.setdefault(name, []).append(self.entries[name])
                self.pending.append(("create", name))
            self.done()
        self.next_handle += 1
        self.handles[self.next_handle] = self.entries[name]
        return self.next_handle

    def on_close(self, handle: int) -> None:
        self.handles.pop(handle, None)

    def on_read(self, handle: int, size: int, offset: int) -> bytes:
        self.done()
        return bytes(self.handles[handle].cached[offset : offset + size])

    def on_write(self, handle: int, data: bytes, offset: int) -> int:
        file = self.handles[handle]
        self.writes += 1
        if not self.operate("write"):
            self.done()
        room = max(len(file.cached), len(file.cached) + self.capacity_bytes - self.used_bytes()) - offset
        if self.writes == self.fail_write_at:
            self.seen["write error"] += 1
            file.write(data[: self.draw.randrange(len(data) or 1)], offset)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self.writes == self.short_write_at and len(data) > 1:
            self.seen["short write"] += 1
            room = min(room, self.draw.randrange(1, len(data)))
        if room <= 0:
            self.seen["full"] += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        file.write(data[:room], offset)
        self.done()
        return min(len(data), room)

    def on_sync(self, handle: int) -> None:
        self.syncs += 1
        if self.operate("sync"):
            if self.syncs == self.fail_sync_at:
                self.seen["sync error"] += 1
                self.handles[handle].lose(self.draw)
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self.handles[handle].sync()
        self.done()

    def on_forget(self, handle: int) -> None:
        self.handles[handle].forget()

    def on_truncate(self, handle: int, size: int) -> None:
        if self.operate("truncate"):
            self.handles[handle].truncate(size)
        self.done()

    def on_size(self, handle: int) -> int:
        return len(self.handles[handle].cached)

    def on_rename(self, old: str, new: str) -> None:
        if self.operate("rename"):
            self.entries[new] = self.entries.pop(old)
            self.pending.append(("rename", f"{old}\0{new}"))
        self.done()

    def on_remove(self, name: str) -> None:
        if self.operate("remove"):
            del self.entries[name]
            self.pending.append(("remove", name))
        self.done()

    def on_sync_directory(self) -> None:
        if self.operate("directory sync"):
            self.safe = dict(self.entries)
            self.pending.clear()
            self.created.clear()
        self.done()

    def on_free_bytes(self) -> int:
        return max(0, self.capacity_bytes - self.used_bytes())
