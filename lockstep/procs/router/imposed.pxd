# Verdicts that follow from something outside the log: a leading router imposes them, a repeat takes them from records.

from libc.stdint cimport int64_t

from lockstep.core.schema.records cimport (
    CMD_INSTRUMENT, CMD_NEW_ORDER, CMD_REPLACE, CODE_JOURNAL_FULL, CODE_OK, CODE_SESSION_ENDED, CODE_TOO_OLD,
    CommandRecord, InstrumentRecord,
)
from lockstep.procs.router.sequencer cimport Sequencer

cdef enum:
    MAX_AGE_NS = 30_000_000_000    # a command that waited longer is refused (LOG-5)


cdef inline int imposed_on(
    Sequencer core, const CommandRecord *record, int64_t now_ns, bint journal_full
) noexcept nogil:
    """Why a command, by its time of arrival, is refused for a reason outside the log, or OK.

    The api's sequence in the ring is that of the rights that allow the command, plus one: a person's session, or
    a logged-on connection, may have lost them since (LOG-30). The rest of a full disk is for commands that take
    orders off or keep the venue going (LOG-29). An instrument that moves leaves its image there.
    """
    # Signed: a command that arrived after the poll began has a negative age.
    if now_ns - <int64_t> record.time_ns > <int64_t> MAX_AGE_NS:
        return CODE_TOO_OLD
    if record.seq != 0 and core.ledger.accounts.have_ended(record.account, record.seq - 1):
        return CODE_SESSION_ENDED
    if journal_full and (
        record.type == CMD_NEW_ORDER or record.type == CMD_REPLACE or (
            record.type == CMD_INSTRUMENT and core.administration.moves(<const InstrumentRecord *> record)
        )
    ):
        return CODE_JOURNAL_FULL
    return CODE_OK


cdef inline int imposed_before(int verdict) noexcept nogil:
    """What a leading router imposed, given the verdict."""
    if verdict == CODE_TOO_OLD or verdict == CODE_JOURNAL_FULL or verdict == CODE_SESSION_ENDED:
        return verdict
    return CODE_OK
