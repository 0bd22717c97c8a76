# The extensions of a request: records directly before its main one, each remembered by its sequence and type until the
# main record takes it up. One that is not taken up has no effect.

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from lockstep.core.schema.records cimport (
    CMD_EXT_LEG, CMD_EXT_LIST_NAME, ORDER_FLAG_LIST, ORDER_FLAG_LIST_NAME, ORDER_FLAG_TERMS, RECORD_SIZE, CommandRecord,
    ExtLegRecord, ExtListNameRecord, NewOrderRecord,
)

cdef enum:
    MAX_GROUP = 16         # records that belong together: extensions, and the main record

cdef struct Extensions:
    char records[MAX_GROUP][RECORD_SIZE]  # by sequence, the newest


cdef inline void keep(Extensions *extensions, const char *record) noexcept nogil:
    memcpy(extensions.records[(<const CommandRecord *> record).seq % MAX_GROUP], record, RECORD_SIZE)


cdef inline const char *before(const Extensions *extensions, const CommandRecord *record, uint64_t back) noexcept nogil:
    """The extension of whatever type, of the record's account, so many records before it; NULL if that is none."""
    cdef const char *found = extensions.records[(record.seq - back) % MAX_GROUP]
    cdef const CommandRecord *header = <const CommandRecord *> found
    if header.seq == record.seq - back and header.type != 0 and header.account == record.account:
        return found
    return NULL


cdef inline const char *extension_of(
    const Extensions *extensions, const CommandRecord *record, uint64_t back, uint8_t type
) noexcept nogil:
    """The record's extension of that type and account, so many records before it; NULL if that is none."""
    cdef const char *found = before(extensions, record, back)
    return found if found != NULL and (<const CommandRecord *> found).type == type else NULL


cdef inline const ExtLegRecord *leg_of(const Extensions *extensions, const NewOrderRecord *record) noexcept nogil:
    """The second order of the list that this order leads; NULL if it leads none, or the second is missing."""
    if not record.flags & ORDER_FLAG_LIST:
        return NULL
    return <const ExtLegRecord *> extension_of(
        extensions, <const CommandRecord *> record, 2 if record.flags & ORDER_FLAG_TERMS else 1, CMD_EXT_LEG
    )


cdef inline bint lacks_name(
    const Extensions *extensions, const NewOrderRecord *record, const ExtLegRecord *leg
) noexcept nogil:
    """Whether a list says that it has a name, and the record that lies before all others of its group is none."""
    cdef const ExtListNameRecord *name
    if not record.flags & ORDER_FLAG_LIST_NAME:
        return False
    name = <const ExtListNameRecord *> extension_of(
        extensions, <const CommandRecord *> record,
        record.seq - leg.seq + (2 if leg.flags & ORDER_FLAG_TERMS else 1), CMD_EXT_LIST_NAME
    )
    return name == NULL or name.name[0] == 0
