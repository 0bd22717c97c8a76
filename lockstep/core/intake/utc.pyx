"""FIX's dates and times (UTCTimestamp, LocalMktDate), read as ns since the epoch."""

from libc.stdint cimport int64_t
from libc.string cimport memcmp, memcpy

cdef enum:
    SECOND_SIZE = 17            # "YYYYMMDD-HH:MM:SS"
    NS_PER_SECOND = 1_000_000_000
    LAST_YEAR = 2261            # whose ns since 1970 still fit 63 bits
    DATE_SIZE = 8               # "YYYYMMDD"

# The last second that was parsed, for the messages of one second differ in its fraction only.
cdef char[SECOND_SIZE] SECOND_TEXT
cdef int64_t second_ns = -1
cdef int64_t[11] FRACTION_NS        # what the last digit counts, by the size of the fraction with its point
for size in range(11):
    FRACTION_NS[size] = 10 ** (10 - max(size, 1))


cdef inline bint is_digit(char c) noexcept nogil:
    return c"0" <= c <= c"9"


cdef int two(const char *text) noexcept nogil:
    return (text[0] - c"0") * 10 + text[1] - c"0" if is_digit(text[0]) and is_digit(text[1]) else -1


cdef int64_t days_of(int64_t year, int month, int day) noexcept nogil:
    """Days since 1970-01-01 of a date of the Gregorian calendar up to 2261; -1 if there is no such date."""
    cdef int64_t shifted = year - (month <= 2)
    cdef int64_t era = shifted // 400
    cdef int64_t of_era = shifted - era * 400
    cdef int64_t of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    cdef int last = 31
    if month in (4, 6, 9, 11):
        last = 30
    elif month == 2:
        last = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    if month < 1 or month > 12 or day < 1 or day > last or year < 1970 or year > LAST_YEAR:
        return -1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


cdef int64_t parse_second(const char *text) noexcept nogil:
    """YYYYMMDD-HH:MM:SS as ns since the epoch; -1 if it is no such time."""
    cdef int64_t days
    cdef int hour, minute, second
    if text[8] != c"-" or text[11] != c":" or text[14] != c":" or two(text) < 0 or two(text + 2) < 0:
        return -1
    days = days_of(two(text) * 100 + two(text + 2), two(text + 4), two(text + 6))
    hour, minute, second = two(text + 9), two(text + 12), two(text + 15)
    if days < 0 or not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second <= 60):
        return -1
    return (days * 86400 + hour * 3600 + minute * 60 + second) * NS_PER_SECOND


cdef int64_t parse_utc(const char *text, size_t size) noexcept nogil:
    """YYYYMMDD-HH:MM:SS with up to 9 decimals, as ns since the epoch; -1 if it is no such time."""
    global second_ns
    cdef int64_t fraction = 0
    cdef size_t i
    if size < SECOND_SIZE or size == SECOND_SIZE + 1 or size > SECOND_SIZE + 10:
        return -1
    if memcmp(text, SECOND_TEXT, SECOND_SIZE) != 0:
        memcpy(SECOND_TEXT, text, SECOND_SIZE)
        second_ns = parse_second(text)
    if second_ns < 0 or (size > SECOND_SIZE and text[SECOND_SIZE] != c"."):
        return -1
    for i in range(SECOND_SIZE + 1, size):
        if not is_digit(text[i]):
            return -1
        fraction = fraction * 10 + (text[i] - c"0")
    return second_ns + fraction * FRACTION_NS[size - SECOND_SIZE]


cdef int64_t parse_date(const char *text, size_t size) noexcept nogil:
    """YYYYMMDD as ns since the epoch of the midnight (UTC) that begins it; -1 if it is no such date."""
    cdef int64_t days
    if size != DATE_SIZE or two(text) < 0 or two(text + 2) < 0:
        return -1
    days = days_of(two(text) * 100 + two(text + 2), two(text + 4), two(text + 6))
    return days * 86400 * NS_PER_SECOND if days >= 0 else -1
