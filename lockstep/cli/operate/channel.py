"""The operators' way into a running venue: puts records into their ingress ring, and finds the outcome of each.

It is one end of shared memory that only the venue's user may open, and reads all else without holding anything up. The
commands decide what it sends; the router decides whether that is done.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec import structs

from lockstep.core.journal.journal import JournalError
from lockstep.core.journal.select import select
from lockstep.core.operations.operation import Outcome
from lockstep.core.schema.layout import pack, type_of, unpack_command, unpack_event
from lockstep.core.schema.records import Code, Command, Event
from lockstep.core.venue.topology import LOG, OPERATOR, OPERATOR_INGRESS
from lockstep.core.venue.venue import Manifest, Venue, manifest_of
from lockstep.shm.board import Word
from lockstep.shm.ring import Observer
from lockstep.shm.segment import RoleLock, RoleTakenError

LOCK_WAIT_S = 10.0  # for another operator's command
POLL_S = 0.002
RING = f"ingress.{OPERATOR}"


class BusyError(RuntimeError):
    """Nothing was sent: another command holds the channel, or the router does not take what it has."""


class UnknownOutcomeError(RuntimeError):
    """It was sent, and its outcome is not known yet."""


class Channel:
    """The operators' ring, held by this process. Made by `opened`."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._ring = venue.ring(RING)
        self._producer = venue.producer(RING)
        self._log = _Follower(venue, LOG)
        self._events = [_Follower(venue, "events.router")]
        self._events += [_Follower(venue, f"events.matcher.{number}") for number in venue.matchers]

    def carry_out(self, commands: Sequence[Command], timeout_s: float) -> list[Outcome]:
        """Send records, all at once, and wait until each is committed and done, or refused.

        BusyError if nothing was sent; UnknownOutcomeError if `timeout_s` is over, or the venue ended, after sending.
        """
        if self._producer.room() < len(commands):
            raise BusyError("the router takes no commands now; nothing was sent: try again")
        sent = [self._producer.put(pack(structs.replace(each, time_ns=self._venue.now_ns()))) for each in commands]
        try:
            return self._outcomes(commands, sent, time.monotonic() + timeout_s)
        except KeyboardInterrupt:
            raise UnknownOutcomeError("you did not wait for what came of it") from None
        except JournalError as error:
            raise UnknownOutcomeError(f"the journal can't be read ({error})") from error

    def _outcomes(self, commands: Sequence[Command], sent: list[int], deadline_s: float) -> list[Outcome]:
        found = [self._find(number, command, deadline_s) for number, command in zip(sent, commands, strict=True)]
        events = self._collect({command.seq for command in found}, deadline_s)
        is_whole = all(follower.is_whole for follower in self._events)
        return [
            Outcome(command, Code(getattr(command, "verdict", 0)), events[command.seq], is_whole) for command in found
        ]

    def _find(self, ingress_seq: int, sent: Command, deadline_s: float) -> Command:
        """The log's record of what was sent under that sequence of the ring."""
        wanted = type_of(type(sent))
        while True:
            for record in self._log.read(wanted):
                command = unpack_command(record)
                if (command.ingress, command.ingress_seq) == (OPERATOR_INGRESS, ingress_seq):
                    assert command.ingress_incarnation == self._ring.incarnation
                    return command
            self._wait(deadline_s)

    def _collect(self, causes: set[int], deadline_s: float) -> dict[int, list[Event]]:
        """The events of these commands, once they are committed and all that they cause is published."""
        board = self._venue.board
        words = [Word.MATCHER_DONE + number - 1 for number in self._venue.matchers]
        found: dict[int, list[Event]] = {seq: [] for seq in causes}
        last = max(causes)
        while True:
            is_done = board.release_position() >= last and all(board.get(word) >= last for word in words)
            for follower in self._events:
                for record in follower.read():
                    cause = int.from_bytes(record[8:16], "little")
                    if cause in found:
                        found[cause].append(unpack_event(record))
            if is_done:  # looked at before the rings were
                return found
            self._wait(deadline_s)

    def _wait(self, deadline_s: float) -> None:
        if not is_current(self._venue):
            raise UnknownOutcomeError("the venue stopped or started again meanwhile")
        if self._venue.board.get(Word.GENERATION) > self._venue.generation:
            self._venue.renew()
        if time.monotonic() > deadline_s:
            raise UnknownOutcomeError("the venue has not said in time what came of it")
        time.sleep(POLL_S)  # this process has no bell to sleep on


class _Follower:
    """Reads a ring from where it stood; the log's overwritten part from the journal, events' not at all.

    If the core has started again, it goes on at the same sequence in the ring of the new generation.
    """

    def __init__(self, venue: Venue, ring: str) -> None:
        self._venue = venue
        self._name = ring
        self._is_log = ring == LOG
        self._attach()
        self._next = self._ring.published + 1
        self.is_whole = True

    def _attach(self) -> None:
        self._generation = self._venue.generation
        self._ring = self._venue.ring(self._name)
        self._observer: Observer = self._ring.observer()

    def read(self, type: int = 0) -> Iterator[bytes]:
        """What has been published since the last call; of one type of record, if given."""
        if self._generation != self._venue.generation:
            self._attach()
        while True:
            try:
                record = self._observer.read(self._next)
            except LookupError:
                yield from self._catch_up(type)
                continue
            if record is None:
                return
            self._next += 1
            if not type or record[4] == type:
                yield record

    def _catch_up(self, type: int) -> Iterator[bytes]:
        """Skip what was overwritten before it was read."""
        last = (
            self._venue.board.get(Word.DURABLE_SEQ) if self._is_log else self._ring.published - self._ring.capacity // 2
        )
        if self._is_log and last >= self._next:
            yield from select(self._venue.data / "journal", self._next, last, (type,))
        elif not self._is_log:
            self.is_whole = False
        self._next = max(self._next, last + 1)


def is_current(venue: Venue) -> bool:
    """Whether the run of `venue` is the one that runs now."""
    try:
        return Manifest.load(manifest_of(venue.data)).boot_id == venue.boot_id
    except FileNotFoundError:
        return False


@contextmanager
def opened(venue: Venue, wait_s: float = LOCK_WAIT_S) -> Iterator[Channel]:
    """The channel, once no other command holds it. BusyError if that takes longer than `wait_s`."""
    lock = RoleLock(venue.data / "run" / "locks" / OPERATOR)
    deadline_s = time.monotonic() + wait_s
    while True:
        try:
            lock.acquire()
            break
        except RoleTakenError as error:
            if time.monotonic() > deadline_s:
                raise BusyError(f"another operator's command is under way ({error}); nothing was sent") from None
            time.sleep(POLL_S)  # flock can't wait for a bounded time
    try:
        yield Channel(venue)
    finally:
        lock.release()
