cimport cython
from libc.stdint cimport int16_t, int64_t, uint32_t

cdef enum:
    MAX_FIELDS = 128            # a message with more is answered as TOO_LONG
    MAX_MESSAGE_SIZE = 16384    # from `8=` to the last SOH; also the least that a receive buffer must hold

# What `parse` returns where it has no message; anything above 0 is the size of the parsed message in bytes.
cdef enum:
    NEED_MORE = 0               # no whole message yet; keep the bytes and call again with more behind them
    GARBLED = -1                # drop `message.skip` bytes (at least 1) and call again
    TOO_LONG = -2               # a declared or actual size above MAX_MESSAGE_SIZE, or too many fields

# Where `Message.at` keeps the field of a tag that the session looks at in every message.
cdef enum:
    AT_NOWHERE = 0              # any other tag
    AT_MSG_SEQ_NUM = 1
    AT_POSS_DUP = 2
    AT_SENDER_COMP_ID = 3
    AT_SENDING_TIME = 4
    AT_TARGET_COMP_ID = 5
    AT_POSS_RESEND = 6
    AT_ROUTING = 7              # any of 115, 116, 128, 129
    AT_ORIG_SENDING_TIME = 8
    AT_LARGE = 9                # any tag from 1024 on
    AT_SECRET = 10              # a password, old or new, or raw data, which may hold one
    PLACES = 12
    AT_LENGTH = PLACES          # no place: the tag's value is the length of the data field behind it

cdef struct Field:
    uint32_t tag
    uint32_t offset             # of the value, from `Message.data`
    uint32_t length             # of the value, without its SOH


# A view over the caller's bytes: valid as long as they are. Header fields are taken out as they pass.
@cython.final
cdef class Message:
    cdef const char *data
    cdef uint32_t size
    cdef uint32_t skip
    cdef uint32_t count
    cdef Field fields[MAX_FIELDS]   # in order of the wire, from 8 to 10
    cdef uint32_t msg_type      # the type's characters, first in the lowest byte: c"D", or c"A" | c"E" << 8
    cdef uint32_t msg_seq_num   # 0 where missing or no number
    cdef uint32_t bad_tag_at    # index of the first field whose tag or value is malformed; `count` where none is
    cdef int16_t at[PLACES]     # indexes into `fields` by AT_…, 0 where missing; of a tag there twice, the first
    cdef bint is_plain          # every byte is printable ASCII, except the SOH behind each field
    cdef bint poss_dup          # 43=Y
    cdef bint poss_resend       # 97=Y
    cdef object held            # keeps a Python caller's bytes alive
    cdef bint routed            # has one of 115, 116, 128, 129
    cdef int find(self, uint32_t tag) noexcept nogil                # index of the first field with the tag, or -1
    cdef bint is_timely(self, int64_t utc_ns, int64_t window_ns) noexcept nogil
    cdef int64_t number(self, uint32_t tag) noexcept nogil
    cdef bint flag(self, uint32_t tag) noexcept nogil
    cdef bint equals(self, int index, const char *text, size_t size) noexcept nogil

    # Where the value of a field begins; it is not ended by a zero byte.
    cdef inline const char *value(self, int index) noexcept nogil:
        return self.data + self.fields[index].offset

cdef int parse(Message out, const char *data, size_t size) noexcept nogil
cdef int64_t parse_uint(const char *text, size_t size) noexcept nogil       # -1: no number, or above 2**62
