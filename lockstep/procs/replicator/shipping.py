"""The primary's side: it waits for the other node, ships it the log, and says when commits begin to wait for it.

A node that does not lead answers here too: it says that it doesn't, and how far its log goes.
"""

from __future__ import annotations

import contextlib

import msgspec
from msgspec import structs

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.venue import node, voided_commands
from lockstep.core.venue.topology import LOG
from lockstep.core.venue.venue import Venue, manifest_of
from lockstep.procs.replicator import comparison, voiding
from lockstep.procs.replicator.copying import Copying
from lockstep.procs.replicator.greeting import NEAR, Tell, greeting_of
from lockstep.procs.replicator.handshake import LinkError, LinkState, Refusal
from lockstep.procs.replicator.lag import Lag
from lockstep.procs.replicator.shipper import Shipper
from lockstep.procs.replicator.transport import Acceptor, Connection
from lockstep.shm.board import Word

LOOK_NS = 500_000_000  # between two looks for a new snapshot
MEGABYTE = 1_000_000
PART_NS = 1_000_000_000  # between two times that the supervisor is told to go on alone
SAVE_NS = 1_000_000_000  # between two tries to write down whom commits wait for


class Shipping:
    """`poll` is a duty cycle; `tell(state, why)` is called whenever the state of the link changes."""

    def __init__(self, venue: Venue, acceptor: Acceptor, tell: Tell) -> None:
        self.connection: Connection | None = None
        self.copying: Copying | None = None  # while the other node takes a copy of the venue
        self._venue = venue
        self._board = venue.board
        self._acceptor = acceptor
        self._tell = tell
        self._shipper: Shipper | None = None
        self._looked_ns = 0
        self._parted_ns = 0  # when the supervisor was told last to go on without the peer
        self._unsaved = ""  # why it can't be written down whom commits wait for,
        self._unsaved_ns = 0  # and when that was tried last
        self._alone_until = 0  # the log's end when this node was found to commit alone
        self._compared = 0  # the mark of the last snapshot whose digests the peer was told
        self._lag = Lag(venue.board)
        self.peer = ""  # the other node's name, once it has greeted,
        self.peer_rules = 0  # and the version of the rules that its build knows
        self.epoch = 0  # that it leads: none, as far as is known here

    def poll(self, now_ns: int) -> int:
        """Returns how much there was to do. JournalError, OSError where the journal can't be read."""
        connection, shipper = self.connection, self._shipper
        acked = self._board.get(Word.ACKED_SEQ)
        if acked and self._board.get(Word.EPOCH):
            self._lag.look(acked, self._board.get(Word.LOG_END), now_ns)
        if connection is None or shipper is None:
            return self._accept(now_ns)
        try:
            connection.pump(shipper)
            work = shipper.poll(now_ns)
            while shipper.unsent() and connection.pump(shipper):
                work += shipper.poll(now_ns)
        except LinkError as error:
            self._end(error, now_ns)
            return 1
        except ConnectionError as error:
            self._hear_last(shipper, now_ns, str(error))
            return 1
        if self._board.get(Word.FENCED) and shipper.holds_back:
            shipper.holds_back = not self._gives_way(now_ns)
        if shipper.voids is not None:
            return self._take_out(shipper, now_ns)
        if shipper.is_up and shipper.is_for_copy:
            return work + self._copy(shipper, now_ns)
        if shipper.is_up and not shipper.is_for_voids:
            self._judge(shipper, now_ns)
            if shipper.leaves:
                self._part(shipper, now_ns)
            if now_ns - self._looked_ns >= LOOK_NS:
                self._looked_ns = now_ns
                self._tell_digests(shipper, now_ns)
        return work

    def attach(self) -> None:
        """The core has begun again, in a log ring of another generation."""
        if self._shipper is not None:
            self._shipper.attach(self._venue.ring(LOG))

    def close(self) -> None:
        """Hang up, and listen no more."""
        self._disconnect()
        self._acceptor.close()

    def _tell_digests(self, shipper: Shipper, now_ns: int) -> None:
        """Once for each snapshot that comes about while there is a link."""
        seq = comparison.newest(self._venue.data)
        if seq in (0, self._compared):
            return
        digests = comparison.saved(self._venue.data, seq, self._venue.topology.core_agents)
        if digests is not None and shipper.tell_digests(seq, msgspec.json.encode(digests), now_ns):
            self._compared = seq

    def _take_out(self, shipper: Shipper, now_ns: int) -> int:
        """Keep what the other node has taken out; the core begins again without it, where it is a record of the log."""
        before = voided_commands.load(self._venue.data).commands
        try:
            kept = voiding.keep(self._venue.data, shipper, now_ns)
        except LinkError as error:
            self._end(error, now_ns)
            return 1
        assert self.connection is not None
        with contextlib.suppress(ConnectionError):  # it asks again
            self.connection.pump(shipper)
        if kept.commands != before:
            self._board.set(Word.FENCED, self._board.get(Word.FENCED) + 1)  # the node starts again as what it is
        return 1

    def _copy(self, shipper: Shipper, now_ns: int) -> int:
        """Send the other node a copy of this venue: it follows by another connection, once it begins with that."""
        assert self.connection is not None
        self.peer = shipper.peer or ""
        self._tell(LinkState.CATCHING_UP, "the other node takes a copy of the venue (lockstep join there)")
        moved = 0
        try:
            if self.copying is None:
                self.copying = Copying(manifest_of(self._venue.data))
            moved = self.copying.move(shipper, now_ns)
            if moved:
                self.connection.pump(shipper)
        except LinkError as error:
            self._end(error, now_ns)
        except ConnectionError as error:
            self._disconnect()
            self._tell(LinkState.ALONE, str(error))
        return moved

    def _accept(self, now_ns: int) -> int:
        if self._board.get(Word.JOURNAL_READY) != self._venue.generation:
            return 0
        if self._board.get(Word.LINK) == LinkState.STARTING:
            self._tell(LinkState.ALONE, "the other node has not been here yet")
        self.connection = self._acceptor.poll(now_ns)
        if self.connection is None:
            if self._acceptor.trouble:
                self._tell(LinkState.ALONE, self._acceptor.trouble)
            return 0
        try:
            follows = node.load(self._venue.data).is_secondary
        except node.RoleError as error:
            self._disconnect()  # what this node is to the other one is not known
            self._tell(LinkState.ALONE, str(error))
            return 1
        own = greeting_of(self._venue.config, self._venue.data, self._board.get(Word.DURABLE_SEQ))
        own = structs.replace(own, epoch=self._board.get(Word.EPOCH) or own.epoch)
        ring, folder = self._venue.ring(LOG), self._venue.data / "journal"
        catch_up = self._venue.config.replication.catch_up_mb_s * MEGABYTE
        self._shipper = Shipper(ring, self._board, folder, own, now_ns, follows=follows, catch_up=catch_up)
        self._shipper.anchor_ns = self._venue.anchor_ns
        self._shipper.holds_back = True
        self._unsaved = ""
        return 1

    def _judge(self, shipper: Shipper, now_ns: int) -> None:
        """See how far the peer is; once it has had all, commits wait for it, and that is written down first."""
        self.peer, self.peer_rules = shipper.peer or "", shipper.peer_rules
        acked = self._board.get(Word.ACKED_SEQ)
        # A core that repeats the journal has not come to its end yet.
        end = max(self._board.get(Word.LOG_END), self._board.get(Word.DURABLE_SEQ))
        behind = end - acked
        if behind > NEAR or not acked:
            self._tell(LinkState.CATCHING_UP, "")
            return
        self._tell(LinkState.IN_STEP, self._unsaved)
        if self._board.get(Word.COMMIT_BY) or self._board.get(Word.FENCED):
            self._alone_until = 0
            return
        if shipper.leaves:
            return
        # A node that acknowledges nothing, and lacks little, would else be waited for again at once.
        self._alone_until = self._alone_until or self._board.get(Word.LOG_END)
        if acked >= self._alone_until:
            self._pair(shipper, now_ns)

    def _part(self, shipper: Shipper, now_ns: int) -> None:
        """Have commits wait for the peer no more: it is about to be stopped by its operator, and said so.

        That is written down first, and carried out as where the operator of this node wants it. A witness, if there is
        one, has to take the peer out of its members before.
        """
        if not self._board.get(Word.COMMIT_BY):
            shipper.tell_left(now_ns)
        elif now_ns - self._parted_ns >= PART_NS and not self._board.get(Word.FENCED):
            self._parted_ns = now_ns
            is_saved = self._save((self._venue.config.replication.node or "",), now_ns)
            if is_saved and "witness" not in self._venue.topology.agents:
                node.tell_supervisor()

    def _pair(self, shipper: Shipper, now_ns: int) -> None:
        config = self._venue.config
        assert config.replication.node is not None
        assert shipper.peer is not None
        members = (config.replication.node, shipper.peer)
        if node.is_paired(config, node.Node(members=members)) and self._save(members, now_ns):
            self._board.set(Word.COMMIT_BY, Word.ACKED_SEQ)

    def _save(self, members: tuple[str, ...], now_ns: int) -> bool:
        """Have it on disk that commits wait for these nodes. False, and it is said why, where that can't be done: they
        wait for whom they waited, and it is tried again in a moment."""
        if self._unsaved and now_ns - self._unsaved_ns < SAVE_NS:
            return False
        data, said = self._venue.data, self._unsaved
        try:
            role = node.load(data)
            if role.members != members:
                # What an operator said of the other node ends when that is here again, or leaves by itself.
                node.save(data, structs.replace(role, members=members, statement=""))
                log.info("members", members=members)
            self._unsaved = ""
        except node.RoleError as error:
            self._unsaved = str(error)
        except OSError as error:
            self._unsaved = f"{node.folder_of(data) / node.ROLE} can't be written: {error.strerror}"
        if self._unsaved and self._unsaved != said:
            log.error("members_unsaved", members=members, why=self._unsaved)
        self._unsaved_ns = now_ns
        return not self._unsaved

    def _gives_way(self, now_ns: int) -> bool:
        """Have it on disk that the other node is about to lead: from then on a start asks that one first.

        False where that can't be written: the other node is not told that this one releases nothing more.
        """
        try:
            if node.load(self._venue.data).is_secondary:
                return True
        except node.RoleError:
            return False
        return self._save((), now_ns)

    def _hear_last(self, shipper: Shipper, now_ns: int, reason: str) -> None:
        """The peer has hung up: what it said last is in the buffer, why it refuses this node perhaps."""
        try:
            shipper.poll(now_ns)
        except LinkError as error:
            self._end(error, now_ns)
        else:
            self._disconnect()
            self._tell(LinkState.ALONE, reason)

    def _end(self, error: LinkError, now_ns: int) -> None:
        connection, shipper = self.connection, self._shipper
        assert connection is not None
        assert shipper is not None
        connection.refuse(shipper, error, now_ns)
        self._disconnect()
        if error.code is Refusal.LEADS:
            return  # to a primary that asked
        if error.code is Refusal.DIFFERS:
            self._board.set(Word.DIFFERS, max(1, error.position))
        is_refused = self._board.get(Word.EPOCH) and error.code not in (Refusal.SILENT, Refusal.NOT_COPIED)
        self._tell(LinkState.REFUSED if is_refused else LinkState.ALONE, str(error))

    def _disconnect(self) -> None:
        if self.copying is not None:
            self.copying.close()
        if self._shipper is not None:
            self._shipper.close()
        if self.connection is not None:
            self.connection.close()
        self.connection = self._shipper = self.copying = None
