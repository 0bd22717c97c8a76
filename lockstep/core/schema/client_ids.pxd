# The two client ids of a cancel or replace, in C: `client_ids.py` says what lies where.
# What cancels and replaces have in common lies in the same places: each is looked at as a ReplaceRecord here.
from libc.stdint cimport uint16_t, uint64_t
from libc.string cimport memcpy, memset

from lockstep.core.schema.records cimport CL_ORD_ID_SIZE, ORDER_FLAG_BOTH_IDS, ReplaceRecord

cdef enum:
    SHORT_ID = 18           # two words, and two bytes


cdef inline bint has_both_ids(const ReplaceRecord *request) noexcept nogil:
    return request.flags & ORDER_FLAG_BOTH_IDS != 0


cdef inline void load_short(uint64_t *words, const char *id) noexcept nogil:
    """Its first three words, the rest of them zeros: what is read again soon is not written in parts of a word."""
    cdef uint16_t last
    memcpy(words, id, 2 * sizeof(uint64_t))
    memcpy(&last, id + 2 * sizeof(uint64_t), sizeof(last))
    words[2] = last


cdef inline void copy_short(char *out, const char *id) noexcept nogil:
    cdef uint64_t words[3]
    load_short(words, id)
    memcpy(out, words, sizeof(words))
    memset(out + sizeof(words), 0, CL_ORD_ID_SIZE - sizeof(words))


cdef inline void copy_own_id(char *out, const ReplaceRecord *request) noexcept nogil:
    """The request's own client id, as tables and events have it: 36 bytes, padded with zeros."""
    if has_both_ids(request):
        copy_short(out, request.cl_ord_id)
    else:
        memcpy(out, request.cl_ord_id, CL_ORD_ID_SIZE)


cdef inline void copy_meant_id(char *out, const ReplaceRecord *request) noexcept nogil:
    """The client id of the order that a request with both ids means, in 36 bytes."""
    copy_short(out, request.cl_ord_id + SHORT_ID)


cdef inline bint is_short(const char *id) noexcept nogil:
    """Whether an id of 36 bytes, padded with zeros, leaves room for another one in a request's `cl_ord_id`."""
    cdef uint64_t words[2]
    cdef uint16_t last
    memcpy(words, id + SHORT_ID, sizeof(words))
    memcpy(&last, id + SHORT_ID + sizeof(words), sizeof(last))
    return (words[0] | words[1] | last) == 0


cdef inline void join_ids(ReplaceRecord *request, const char *own, const char *meant) noexcept nogil:
    """Put both ids, which are short, into a request that has its other flags already."""
    memcpy(request.cl_ord_id, own, SHORT_ID)
    memcpy(request.cl_ord_id + SHORT_ID, meant, SHORT_ID)
    request.flags |= ORDER_FLAG_BOTH_IDS
