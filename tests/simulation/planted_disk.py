"""Disks on which the journal has a bug: each does, or leaves out, what a wrong journal would.

For tests that show that the tests can fail; nothing else may use them.
"""

from __future__ import annotations

from tests.simulation.disk import FakeDisk

PAGE = 4096


class NoDirectorySync(FakeDisk):
    """Names are given, and the folder is not synced."""

    def on_sync_directory(self) -> None:
        self.operate("directory sync")
        self.done()


class PublishesBeforeSync(FakeDisk):
    """A batch is reported before it is on the disk."""

    def on_sync(self, handle: int) -> None:  # noqa: ARG002
        self.syncs += 1
        self.operate("sync")
        self.done()


class NamesBeforeHeader(FakeDisk):
    """A segment gets its name before its header is synced."""

    def on_sync(self, handle: int) -> None:
        if self.handles[handle] is not self.entries.get("prepared"):
            super().on_sync(handle)


class RewritesSyncedPages(FakeDisk):
    """Batches are not padded: each begins in the last page of the one before, which is written again."""

    def on_write(self, handle: int, data: bytes, offset: int) -> int:
        before = self.handles[handle].cached[max(0, offset - PAGE) : offset]
        return max(0, super().on_write(handle, bytes(before) + data, offset - len(before)) - len(before))


class RetriesSync(FakeDisk):
    """After a failed sync it is tried once more; the second succeeds, on pages that are lost."""

    def on_sync(self, handle: int) -> None:
        try:
            super().on_sync(handle)
        except OSError:
            self.done()
            super().on_sync(handle)


class BelievesMemory(FakeDisk):
    """A new run believes what it reads after a sync, though an earlier sync of the same pages failed."""

    def on_forget(self, handle: int) -> None:
        pass
