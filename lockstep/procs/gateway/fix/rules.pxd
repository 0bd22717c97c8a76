cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from lockstep.procs.gateway.fix.message cimport Message

cdef enum:
    MAX_TAG = 1024              # of the versions' own dictionaries; from FIRST_USER_TAG on everything is the user's own
    FIRST_USER_TAG = 5000
    MAX_FAR = 8                 # tags above MAX_TAG that this venue reads
    MAX_SLOTS = MAX_TAG + MAX_FAR
    MAX_TYPES = 16              # with rules for their fields, in one version
    MAX_REQUIRED = 16
    MAX_KNOWN = 128

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
    REJECT_TEXT = 100           # our own: on the wire it is REJECT_DATA_FORMAT, with words that say what of it

cdef enum Standing:
    TYPE_UNKNOWN = 0            # no such MsgType in this version
    TYPE_UNSUPPORTED = 1
    TYPE_SUPPORTED = 2

# What is wrong with a message: SessionRejectReason and RefTagID (0 for none).
cdef struct Fault:
    int reason
    uint32_t tag

cdef struct TypeRules:
    uint32_t msg_type
    uint32_t required_count
    uint32_t required[MAX_REQUIRED]
    uint8_t places[MAX_SLOTS]   # PLACE_* bits by the tag's slot; 0: not for this message

cdef struct VersionRules:
    uint32_t last_tag
    uint32_t type_count
    TypeRules types[MAX_TYPES]
    uint32_t known_count
    uint32_t known[MAX_KNOWN]
    bint supported[MAX_KNOWN]

# The Text of a Reject.
cdef const char *words(int reason) noexcept nogil


# The dictionary as tables, shared by all sessions of a process (one thread at a time).
@cython.final
cdef class Rules:
    cdef VersionRules versions[2]           # FIX.4.2, FIX.4.4
    cdef uint8_t formats[MAX_SLOTS]
    cdef uint8_t value_sets[MAX_SLOTS]      # 0: any value
    cdef uint64_t sets[16][2]               # of characters below 128
    cdef uint32_t seen[MAX_SLOTS]           # the last message, by its stamp, that had the tag
    cdef uint32_t stamp
    cdef int _fill(self, VersionRules *rules, int version, set supported) except -1
    cdef Standing standing(self, int version, uint32_t msg_type) noexcept nogil
    cdef bint check(self, int version, Message message, Fault *fault) noexcept nogil    # True: nothing wrong
    cdef bint check_field(self, Message message, uint32_t index, Fault *fault) noexcept nogil
    cdef bint check_required(self, const TypeRules *rules, Fault *fault) noexcept nogil
    cdef int check_group(self, Message message, uint32_t index, Fault *fault) noexcept nogil
