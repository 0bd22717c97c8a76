from libc.stdint cimport uint8_t, uint32_t

from procs.gateway.fix.message cimport Message

cdef enum:
    MAX_TAG = 1024              # of the dictionary; from FIRST_USER_TAG on everything is the user's own
    FIRST_USER_TAG = 5000
    MAX_TYPES = 64

# SessionRejectReason (373).
cdef enum RejectReason:
    REJECT_INVALID_TAG = 0
    REJECT_REQUIRED_TAG_MISSING = 1
    REJECT_TAG_NOT_FOR_MESSAGE = 2
    REJECT_TAG_WITHOUT_VALUE = 4
    REJECT_INCORRECT_VALUE = 5
    REJECT_DATA_FORMAT = 6
    REJECT_COMP_ID = 9
    REJECT_SENDING_TIME = 10
    REJECT_MSG_TYPE = 11
    REJECT_REPEATED_TAG = 13
    REJECT_TAG_ORDER = 14
    REJECT_GROUP_COUNT = 16
