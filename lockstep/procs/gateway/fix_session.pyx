"""One FIX session of the gateway, connected or not: its numbers, and where its messages go.

It stores every outbound message before it can be sent; it knows no socket.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport strchr

from lockstep.procs.gateway.fix.encode cimport OUT_ADMIN, OUT_APPLICATION, OUT_REPEAT, OUT_RESET, SOH, Outbox, Outgoing
from lockstep.procs.gateway.store cimport Store
from lockstep.procs.gateway.store_reader cimport FLAG_FOLLOWED, KIND_OUT_ADMIN, KIND_OUT_APP, KIND_RESET


cdef bint is_heartbeat(const char *message) noexcept nogil:
    """Whether an outbound message is a Heartbeat or TestRequest: only its number is kept."""
    cdef const char *at = strchr(strchr(message, SOH) + 1, SOH) + 1  # behind 8 and 9
    return (at[3] == c"0" or at[3] == c"1") and at[4] == SOH


cdef class FixSession:
    """Session `number` of the account called `name`; both are the account's own."""

    def __init__(self, uint32_t number, bytes name, bytes comp_id, Store store):
        self.number = number
        self.name = name
        self.store = store
        self.answered = set()
        self.away = Outbox()
        self.address(comp_id, store.sessions[number].version or store.reservations.rows[number].version or 44)

    cdef int address(self, bytes comp_id, int version) except -1:
        """Write to the session in FIX `version` (42 or 44), connected or not."""
        self.away.address(version, comp_id, len(comp_id), self.name, len(self.name))
        return 0

    @property
    def numbers(self) -> tuple[int, int]:
        """The MsgSeqNums that come next: the client's (0: not known before its first logon), and ours."""
        next_in = self.next_in if self.client is None else self.client.connection.next_in
        return next_in, self.store.sessions[self.number].next_out

    cdef Outbox begin(self, uint32_t msg_type, int64_t now_ns):
        """Begin an application message with the session's next number; write its fields to what is returned."""
        if self.live is not None:
            self.collect(self.live.outbox)
            self.live.begin_message(msg_type, now_ns)
            return self.live.outbox
        self.away.begin_at(msg_type, OUT_APPLICATION, self.store.sessions[self.number].next_out, now_ns)
        return self.away

    cdef int end_report(self, int ring, uint64_t number, int side) except -1:
        """Finish and store the message, as the report of one side of an event."""
        cdef Outbox outbox = self.away
        cdef const Outgoing *message
        if self.live is not None:
            outbox = self.live.outbox
            message = self.live.end_message()
        else:
            message = outbox.end()
        self.store.append_report(
            self.number, message.msg_seq_num, ring, number, side, outbox.data + message.offset, message.size,
            FLAG_FOLLOWED if self.store.follows else 0,
        )
        outbox.stored = outbox.count
        if self.live is None:
            outbox.clear()
        self.dirty = True
        return 0

    cdef int collect(self, Outbox outbox) except -1:
        """Store what the session layer has written since the last call."""
        cdef const Outgoing *message
        while outbox.stored < outbox.count:
            message = &outbox.messages[outbox.stored]
            outbox.stored += 1
            self.dirty = True
            if message.kind == OUT_RESET:
                self.store.append(KIND_RESET, self.number, 0, outbox.data, 0, 0)
                self.record_due = self.was_reset = True
                self.answered.clear()
            elif message.kind == OUT_ADMIN:
                self.store.append(
                    KIND_OUT_ADMIN, self.number, message.msg_seq_num, outbox.data + message.offset,
                    0 if is_heartbeat(outbox.data + message.offset) else message.size, 0,
                )
            elif message.kind != OUT_REPEAT:
                self.store.append(
                    KIND_OUT_APP, self.number, message.msg_seq_num, outbox.data + message.offset, message.size, 0
                )
        return 0
