"""Where log records have what many types share: the stamped verdict and the client id.

It knows only offsets.
"""

from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memset

from lockstep.core.schema.records cimport *

from lockstep.core.schema import layout
from lockstep.core.schema.records import COMMANDS, CommandType

cdef enum:
    TYPES = 256

cdef uint8_t VERDICT_AT[TYPES]    # 0: no such field
cdef uint8_t CLIENT_ID_AT[TYPES]
memset(VERDICT_AT, 0, TYPES)
memset(CLIENT_ID_AT, 0, TYPES)
_WITH_TWO = (CommandType.CANCEL, CommandType.REPLACE)
for _type, _record in COMMANDS.items():
    for _field in layout.fields_of(_record):
        if _field.name == "verdict":
            VERDICT_AT[<int> _type] = _field.offset
        elif _field.name == "cl_ord_id" and _type not in _WITH_TWO and _type < CommandType.EXT_CLIENT_ID:
            CLIENT_ID_AT[<int> _type] = _field.offset


cdef uint16_t *verdict_of(char *record) noexcept nogil:
    """Where a record's verdict is; NULL for types that have none."""
    cdef uint8_t at = VERDICT_AT[(<CommandRecord *> record).type]
    return <uint16_t *> (record + at) if at else NULL


cdef const char *client_id_of(const char *record) noexcept nogil:
    """Where a record's client id is, 36 bytes; NULL for types that have none, or two."""
    cdef uint8_t at = CLIENT_ID_AT[(<const CommandRecord *> record).type]
    return record + at if at else NULL
