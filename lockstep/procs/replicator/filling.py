"""The secondary's side: it fills this node's log ring, from its own journal and then with what the primary ships.

When the node is promoted it hangs up and publishes nothing more.
"""

from __future__ import annotations

import secrets

import msgspec
from msgspec import structs

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.journal.journal import JournalReader
from lockstep.core.venue import node
from lockstep.core.venue.topology import LOG
from lockstep.core.venue.venue import LAPSED, Venue
from lockstep.procs.replicator import comparison
from lockstep.procs.replicator.comparison import DifferenceError
from lockstep.procs.replicator.greeting import NEAR, Tell, greeting_of, voids_of
from lockstep.procs.replicator.handshake import Fence, Hello, LinkError, LinkState, Promote, Refusal
from lockstep.procs.replicator.lag import Lag
from lockstep.procs.replicator.receiver import Receiver, feed
from lockstep.procs.replicator.transport import Connection, Dialer
from lockstep.shm.board import Word

LOOK_NS = 500_000_000  # between two looks for this node's own digests
STOP_NS = 60_000_000_000  # for a node that has left to be stopped
FENCE_NS = 2_000_000_000  # for a primary that can be reached to answer, before this node leads without its word


class Filling:
    """`poll` is a duty cycle; `tell(state, why)` is called whenever the state of the link changes.

    `is_over` once this node is to lead: all that the ring will ever have from elsewhere is in it.
    """

    def __init__(self, venue: Venue, dialer: Dialer, tell: Tell) -> None:
        self.is_over = False
        self.connection: Connection | None = None
        self._venue = venue
        self._board = venue.board
        self._folder = venue.data / "journal"
        self._log = venue.producer(LOG)
        self._dialer = dialer
        self._tell = tell
        self._journal: JournalReader | None = None
        self._own: Hello | None = None
        self._receiver: Receiver | None = None
        self._asked_ns = 0
        self._looked_ns = 0
        self._left_ns = 0  # since when the primary waits for this node no more
        self._compared = 0  # the last mark at which both nodes had the same state
        self._lag = Lag(venue.board)
        self.peer = ""  # the other node's name, once it has greeted
        self.epoch = 0  # that it leads, as it said last
        self._handed_over_at: int | None = None  # the end of the log of a peer that does not lead any more

    def poll(self, now_ns: int) -> int:
        """Returns how much there was to do. DifferenceError; JournalError where this node's journal can't be read."""
        if self._own is None:
            return self._feed()
        if self._board.get(Word.PROMOTE):
            return self._leave(now_ns)
        return self._receive(now_ns)

    @property
    def is_stalled(self) -> bool:
        """Whether what has come waits for room in the ring: until there is some, more that comes changes nothing."""
        return self._receiver is not None and self._receiver.is_stalled

    def close(self) -> None:
        """Hang up."""
        self._disconnect()
        self._dialer.close()

    def _feed(self) -> int:
        """Publish what this node's journal has behind the end of the ring; then the link may begin."""
        if self._board.get(Word.JOURNAL_READY) != self._venue.generation:
            return 0
        durable = self._board.get(Word.DURABLE_SEQ)
        if self._log.next <= durable:
            if self._journal is None:
                self._journal = JournalReader(self._folder, self._log.next, durable)
                # Else edges would wait for the primary's word, event rings fill, and the link, which has it, not begin.
                self._board.set(Word.PRIMARY_COMMIT, max(durable, self._board.get(Word.PRIMARY_COMMIT)))
            return feed(self._log, self._journal)
        if self._log.next > durable + 1:
            return 0  # an earlier process of this role has published more: it is on its way to the journal
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        self._own = greeting_of(self._venue.config, self._venue.data, durable)
        self._tell(LinkState.ALONE, f"nothing heard from {self._dialer.address} yet")
        return 1

    def _receive(self, now_ns: int) -> int:
        connection, receiver = self.connection, self._receiver
        if connection is None or receiver is None:
            return self._connect(now_ns)
        try:
            connection.pump(receiver)
            work = receiver.poll(now_ns)
            if receiver.is_up:
                self._compare(receiver, now_ns)
            if receiver.unsent():
                connection.pump(receiver)
        except LinkError as error:
            self._end(error, now_ns)
            return 1
        except ConnectionError as error:
            self._hear_last(receiver, now_ns, str(error))
            return 1
        if receiver.is_up:
            self._handed_over_at = None
            self.peer, self.epoch = receiver.peer or "", receiver.epoch
            end = self._board.get(Word.PEER_SEQ)
            if work and end:  # it has just said how far its log goes
                self._lag.look(self._log.next - 1, end, now_ns)
            behind = end - (self._log.next - 1)
            self._tell(LinkState.IN_STEP if behind <= NEAR else LinkState.CATCHING_UP, "")
            self._fence(receiver, now_ns)
            self._part(receiver, now_ns)
        return work

    def _fence(self, receiver: Receiver, now_ns: int) -> None:
        """Have the primary release nothing any more, where the operator asks for that before this node is to lead."""
        if self._board.get(Word.HANDOVER) == Fence.ASKED:
            self._asked_ns = self._asked_ns or now_ns
            receiver.ask_to_lead(now_ns, orderly=False)
            if self._has_all(receiver):
                self._board.set(Word.HANDOVER, Fence.ANSWERED)
        elif not self._board.get(Word.PROMOTE):
            self._asked_ns = 0
            receiver.ask_no_more()

    def _part(self, receiver: Receiver, now_ns: int) -> None:
        """Have the primary wait for this node no more, where the operator is about to stop it; or wait again.

        It does so, too, where this node is not stopped: the command was killed.
        """
        wish = self._board.get(Word.HANDOVER)
        if wish == Fence.LEAVES:
            receiver.ask_to_leave(now_ns)
            if receiver.has_left:
                self._left_ns = now_ns
                self._board.set(Word.HANDOVER, Fence.LEFT)
        elif wish == Fence.LEFT and (not receiver.leaves or now_ns - self._left_ns > STOP_NS):
            self._board.set(Word.HANDOVER, Fence.NO)
        elif wish == Fence.NO and receiver.leaves:
            self._disconnect()  # the next connection is waited for again

    def _compare(self, receiver: Receiver, now_ns: int) -> None:
        """Hold this node's state at a mark against the primary's, once both have it. FinalError where they differ;
        LinkError where what the primary said is no digest."""
        if receiver.digests is None or receiver.mark == self._compared or now_ns - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = now_ns
        own = comparison.saved(self._venue.data, receiver.mark, self._venue.topology.core_agents)
        if own is None:
            return
        try:
            other = msgspec.json.decode(receiver.digests, type=comparison.Digests)
        except ValueError as error:
            raise LinkError(Refusal.DAMAGED, f"the digests at record {receiver.mark} can't be read: {error}") from None
        self._compared = receiver.mark
        found = comparison.compare(receiver.mark, own, other)
        if found is not None:
            comparison.keep(self._venue.data, found)
            self._board.set(Word.DIFFERS, found.seq)
            assert self.connection is not None
            self.connection.refuse(receiver, LinkError(Refusal.DIFFERS, str(found), receiver.epoch, found.seq), now_ns)
            raise DifferenceError(found)
        self._board.set(Word.COMPARED, receiver.mark)
        receiver.tell_equal(receiver.mark, now_ns)
        log.info("states_equal", seq=receiver.mark)

    def _connect(self, now_ns: int) -> int:
        self.connection = self._dialer.poll(now_ns)
        if self.connection is None:
            if self._dialer.trouble:
                self._tell(LinkState.ALONE, self._dialer.trouble)
            return 0
        assert self._own is not None
        voids = voids_of(self._venue.data)  # more may be taken out meanwhile
        own = structs.replace(self._own, nonce=secrets.randbits(64), last_seq=self._log.next - 1, voids=voids)
        self._receiver = Receiver(
            self._log, self._board, own, self._venue.config.replication.acknowledge == "disk", now_ns
        )
        return 1

    def _hear_last(self, receiver: Receiver, now_ns: int, reason: str) -> None:
        """The peer has hung up: what it said last is in the buffer, a refusal perhaps."""
        try:
            receiver.poll(now_ns)
        except LinkError as error:
            self._end(error, now_ns)
        else:
            self._disconnect()
            self._tell(LinkState.ALONE, reason)

    def _end(self, error: LinkError, now_ns: int) -> None:
        connection, receiver = self.connection, self._receiver
        assert connection is not None
        assert receiver is not None
        connection.refuse(receiver, error, now_ns)
        self._disconnect()
        if error.code is Refusal.NOT_LEADING:
            self._handed_over_at = error.position
        waits = error.code in (Refusal.SILENT, Refusal.NOT_LEADING, Refusal.NOT_READY)
        self._tell(LinkState.ALONE if waits else LinkState.REFUSED, str(error))

    def _disconnect(self) -> None:
        """Keep what the receiver has come to: the next greeting says it."""
        if self._receiver is not None and self._own is not None:
            self._own = structs.replace(self._own, epoch=self._receiver.epoch, chain=self._receiver.chain)
        if self.connection is not None:
            self.connection.close()
        self.connection = self._receiver = None

    def _leave(self, now_ns: int) -> int:
        """This node is to lead: at once, but for a primary that can be reached, or once it has handed over in order."""
        orderly = self._board.get(Word.PROMOTE) == Promote.ORDERLY
        receiver = self._receiver
        if not self._has_all(receiver):
            self._asked_ns = self._asked_ns or now_ns
            if receiver is not None:
                receiver.ask_to_lead(now_ns, orderly=orderly)
            is_told = self._board.get(Word.LEASE_UNTIL) > LAPSED  # this node has the lease: the primary's has ended
            is_worth_it = receiver is not None and receiver.is_up and now_ns - self._asked_ns < FENCE_NS and not is_told
            if orderly or is_worth_it:
                return self._receive(now_ns)
        self.close()
        data, name = self._venue.data, self._venue.config.replication.node
        if orderly:  # else the operator has written it
            node.save(data, structs.replace(node.load(data), role="primary", members=(name,)))
        if "witness" in self._venue.topology.agents and self._board.get(Word.LEASE_UNTIL) == 0:
            self._board.set(Word.LEASE_UNTIL, LAPSED)  # before it leads: until it has the lease it releases nothing
        self._board.set(Word.COMMIT_BY, 0)
        self._board.set(Word.WHOLE_NS, 0)  # from here on it is about the other node
        self._board.set(Word.HANDOVER, Fence.NO)  # from here on it is the other node's wish
        self._board.set(Word.PROMOTED, 1)
        self.is_over = True
        return 1

    def _has_all(self, receiver: Receiver | None) -> bool:
        """Whether the primary has said that it releases nothing any more, and this node's disk has its log to the end.

        With `local` the primary has told of records that no other disk has yet.
        """
        if self._handed_over_at is not None:
            end = self._handed_over_at
        elif receiver is not None and receiver.is_fenced:
            end = receiver.fenced_at
        else:
            return False
        return end == self._log.next - 1 and self._board.get(Word.DURABLE_SEQ) >= end
