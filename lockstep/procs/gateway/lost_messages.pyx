"""Which of a client's messages the log has lost, or never had, by the message store after a start."""

from libc.stdint cimport uint32_t, uint64_t

from lockstep.procs.gateway.lookup cimport Lookup
from lockstep.procs.gateway.store_reader cimport KIND_IN_ANSWERED, KIND_IN_LOGGED, StoreEntry


cdef object lost_of(
    Lookup lookup, uint32_t session, uint64_t first, uint64_t last, uint32_t sequenced, uint32_t expected
):
    """The first message above `sequenced` that was meant for the log, or `expected` where there is none; and the
    numbers behind it of those that were answered.

    It goes back along the client's application messages, from the `last` one to the position `first`, before which none
    is above `sequenced`. Numbers alone don't say where to stop: one that was asked again has sent some of them twice.
    """
    cdef uint64_t position = last
    cdef const StoreEntry *entry
    answered = set()
    while position >= first and lookup.has(position):
        entry = lookup.header(position, session)
        if entry.kind != KIND_IN_LOGGED and entry.kind != KIND_IN_ANSWERED:
            raise lookup.damage(position)
        if entry.msg_seq_num > sequenced:
            if entry.kind == KIND_IN_LOGGED:
                expected = min(expected, entry.msg_seq_num)
            else:
                answered.add(entry.msg_seq_num)
        position = position - 8 * <uint64_t> entry.back if entry.back else 0
    return expected, {number for number in answered if number > expected}
