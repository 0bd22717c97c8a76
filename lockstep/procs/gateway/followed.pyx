# cython: wraparound=True
"""The reports that another node's gateway tells: kept by one that follows, and told again by it once it leads.

While it follows, each report is stored as a message of ours, under a number that no client sees, with PossResend. Which
of them the other gateway may not have told is known by its reservations of numbers: between them lie borders. Once the
node leads, or after a start that finds some untold, a session's reports behind the border are stored once more before
its next message, under numbers of its own, for a resend to find: see
docs/decisions/0039-another-host-knows-the-numbers.md.

It decides nothing about numbers, and sends nothing.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy

from lockstep.core.schema.records cimport SIDE_SELL
from lockstep.procs.gateway.fix.encode cimport OUT_APPLICATION, SOH, Outbox, Outgoing
from lockstep.procs.gateway.lookup cimport Lookup
from lockstep.procs.gateway.store_reader cimport (
    FLAG_AGAIN, FLAG_BORDER, FLAG_FOLLOWED, KIND_OUT_ADMIN, KIND_RESET, StoreEntry, fill,
)

cdef enum:
    BEFORE_TYPE = 2          # fields: BeginString, BodyLength
    HEADER = 7               # and MsgType, the CompIDs, MsgSeqNum, SendingTime
    TRAILER_SIZE = 7         # "10=000|"


cdef int note_reservation(Store store, const ReservedRecord *event) except -1:
    """The other gateway has reserved numbers: what comes now was not told before that."""
    cdef uint32_t session = event.session
    cdef StoreEntry *entry
    if 2 * event.number + 1 <= store.watermark(0):
        return 0
    if event.generation > store.sessions[session].generation:
        store.append(KIND_RESET, session, event.generation, b"", 0, 0)
    entry = store.begin_entry(KIND_OUT_ADMIN, session, store.sessions[session].next_out, sizeof(uint64_t))
    entry.flags = FLAG_FOLLOWED | FLAG_BORDER
    entry.ring, entry.number, entry.side = 0, event.number, SIDE_SELL
    fill(entry, <const char *> &event.cause)
    return store.end_entry(entry)


cdef int tell_followed(FixSession session, int64_t now_ns) except -1:
    """Before a session's first message since the start, or since the node leads: store its followed reports that may be
    untold under its next numbers.
    """
    cdef Store store = session.store
    cdef Lookup lookup
    cdef uint64_t position
    if not session.is_untold:
        return 0
    session.is_untold = False
    lookup = Lookup(store.folder, store.bases)
    found = untold(store, lookup, session.number)
    lookup.forget()
    for position in reversed(found):
        tell(session, store, lookup.entry(position), now_ns)
    return 0


cdef list untold(Store store, Lookup lookup, uint32_t session):
    """Where they are, the newest first. What was told again before is left out, though a start was killed there."""
    cdef uint64_t told_before = store.reservations.rows[session].told_before
    cdef uint64_t position = store.sessions[session].last_out
    cdef const StoreEntry *entry
    cdef uint64_t back
    cdef uint64_t number = 0             # of the last one that was told again
    cdef int ring = 0, side = 0
    found = []
    while lookup.has(position):
        entry = lookup.header(position, session)
        back = 8 * <uint64_t> entry.back
        if entry.flags & FLAG_AGAIN:
            if number == 0:
                ring, side, number = entry.ring, entry.side, entry.number
        elif not entry.flags & FLAG_FOLLOWED:
            break  # a message of this gateway's own: it led, and had told all
        elif entry.flags & FLAG_BORDER:
            if border_of(lookup.entry(position)) <= told_before:
                break
        elif number and entry.number == number and entry.ring == ring and entry.side == side:
            break
        else:
            found.append(position)
        position = position - back if back else 0
    return found


cdef uint64_t border_of(const StoreEntry *entry) noexcept nogil:
    """The sequence of the reservation that is noted there."""
    cdef uint64_t seq = 0
    memcpy(&seq, <const char *> entry + sizeof(StoreEntry), sizeof(uint64_t))
    return seq


cdef int tell(FixSession session, Store store, const StoreEntry *entry, int64_t now_ns) except -1:
    """Store a report once more: its body as it was, in a header of now."""
    cdef Outbox outbox = session.away
    cdef const Outgoing *message
    cdef const char *data = <const char *> entry + sizeof(StoreEntry)
    cdef const char *end = data + entry.length
    cdef const char *body = behind(data, end, HEADER)
    outbox.begin_at(
        type_of(behind(data, end, BEFORE_TYPE)), OUT_APPLICATION, store.sessions[session.number].next_out, now_ns
    )
    outbox.reserve(end - body)
    memcpy(outbox.data + outbox.used, body, end - body - TRAILER_SIZE)
    outbox.used += end - body - TRAILER_SIZE
    message = outbox.end()
    store.append_report(
        session.number, message.msg_seq_num, entry.ring, entry.number, entry.side, outbox.data + message.offset,
        message.size, FLAG_AGAIN,
    )
    outbox.clear()
    return 0


cdef const char *behind(const char *at, const char *end, int fields) except NULL:
    """The byte behind so many fields."""
    cdef int _
    for _ in range(fields):
        at = <const char *> memchr(at, SOH, end - at)
        if at == NULL:
            raise ValueError("a message that was followed has no header")
        at += 1
    return at


cdef uint32_t type_of(const char *field) noexcept nogil:
    """The MsgType that a field "35=…|" says, as an outbox takes it."""
    cdef uint32_t msg_type = 0
    cdef int i = 0
    while field[3 + i] != SOH and i < 4:
        msg_type |= <uint32_t> <unsigned char> field[3 + i] << 8 * i
        i += 1
    return msg_type
