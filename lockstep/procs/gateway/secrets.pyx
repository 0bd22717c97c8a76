"""Passwords in clients' messages: found, and replaced by asterisks before anything keeps the message.

The message keeps its size and stays valid FIX: its CheckSum is recomputed. It knows no session and stores
nothing.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset

from lockstep.core.schema.digits cimport put_digits
from lockstep.procs.gateway.fix.message cimport AT_LARGE, AT_SECRET, Message

cdef enum:
    SOH = 1
    RAW_DATA_LENGTH = 95
    RAW_DATA = 96               # where clients of FIX.4.2 put their password
    PASSWORD = 554
    NEW_PASSWORD = 925
    ENCRYPTED_PASSWORD = 1402
    ENCRYPTED_NEW_PASSWORD = 1404
    CHECK_SUM = 10
    MAX_NUMBER = 100_000_000    # above any tag or length in use


cdef inline bint is_secret(uint32_t tag) noexcept nogil:
    return (
        tag == PASSWORD or tag == NEW_PASSWORD or tag == RAW_DATA
        or tag == ENCRYPTED_PASSWORD or tag == ENCRYPTED_NEW_PASSWORD
    )


cdef bint has_secret(Message message) noexcept nogil:
    """Whether `blank` may find something in a parsed message: next to no work for orders."""
    cdef uint32_t i
    if message.at[AT_SECRET] or message.bad_tag_at != message.count:  # "0554=" is no field, but a password
        return True
    if message.at[AT_LARGE]:
        for i in range(message.count):
            if is_secret(message.fields[i].tag):
                return True
    return False


cdef uint32_t number_at(const char *text, size_t size, size_t *digits) noexcept nogil:
    """The number that a text begins with, and how many digits it has."""
    cdef uint32_t value = 0
    digits[0] = 0
    while digits[0] < size and c"0" <= text[digits[0]] <= c"9":
        value = value * 10 + (text[digits[0]] - c"0") if value < MAX_NUMBER else MAX_NUMBER
        digits[0] += 1
    return value


cdef bint blank(char *message, size_t size) noexcept nogil:
    """Replace each secret by as many asterisks; whether there was one. Parts of a message are taken too."""
    cdef size_t at = 0
    cdef size_t end
    cdef size_t digits
    cdef size_t data_size = 0
    cdef size_t trailer = 0
    cdef uint32_t tag
    cdef bint found = False
    while at < size:
        tag = number_at(message + at, size - at, &digits)
        at += digits
        if at < size and digits and message[at] == c"=":
            at += 1
            end = at + data_size if tag == RAW_DATA and at + data_size < size and message[at + data_size] == SOH else at
            while end < size and message[end] != SOH:
                end += 1
            if is_secret(tag) and end > at:
                memset(message + at, c"*", end - at)
                found = True
            elif tag == CHECK_SUM and end - at == 3:
                trailer = at - 3
            data_size = number_at(message + at, end - at, &digits) if tag == RAW_DATA_LENGTH else 0
            at = end
        while at < size and message[at] != SOH:
            at += 1
        at += 1
    if found and trailer:
        put_check_sum(message, trailer)
    return found


cdef void put_check_sum(char *message, size_t trailer) noexcept nogil:
    """Write the checksum of the bytes before it into the field at `trailer`, "10=000|"."""
    cdef uint8_t total = 0
    cdef size_t i
    for i in range(trailer):
        total = <uint8_t> (total + <uint8_t> message[i])
    put_digits(message + trailer + 3, total, 3)
