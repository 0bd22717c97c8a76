"""HTTP requests about orders, read in one pass where they are as plain as clients' libraries send them.

It takes a strict part of HTTP/1.1: one request that has come whole and alone, with a path, each header once, and a body
of a known length. Of anything else it says nothing: the server's parser decides what that is.
"""

cimport cython
from libc.stddef cimport size_t
from libc.string cimport memcmp

cdef extern from "<string.h>" nogil:
    void *memmem(const void *text, size_t size, const void *wanted, size_t wanted_size)

cdef enum:
    MAX_HEAD = 8192
    MAX_HEADERS = 30
    MAX_NAME = 64
    MAX_LENGTH_DIGITS = 5
    MAX_BODY = 65536

MAX_BODY_BYTES = MAX_BODY  # of any request

cdef frozenset OTHERS = frozenset((b"transfer-encoding", b"expect", b"upgrade", b"te", b"trailer"))


@cython.final
cdef class PlainRequest:
    """Such a request. Names of headers are in lower case."""


cdef bint is_target(char c) noexcept nogil:
    return c"!" <= c <= c"~" and c != c"#"


cdef bint is_name(char c) noexcept nogil:
    return c"a" <= c <= c"z" or c"A" <= c <= c"Z" or c"0" <= c <= c"9" or c == c"-" or c == c"_"


cdef bint is_value(char c) noexcept nogil:
    return c" " <= c <= c"~"


cdef const char *read_line(const char *at, const char *end, PlainRequest request) except? NULL:
    """The request line; returns where the next line begins, or NULL."""
    cdef const char *target
    cdef const char *query = NULL
    if end - at > 5 and memcmp(at, b"POST ", 5) == 0:
        request.method, target = "POST", at + 5
    elif end - at > 7 and memcmp(at, b"DELETE ", 7) == 0:
        request.method, target = "DELETE", at + 7
    else:
        return NULL
    at = target
    while at < end and is_target(at[0]):
        if at[0] == c"?" and query == NULL:
            query = at
        elif at[0] == c"%" and query == NULL:
            return NULL
        at += 1
    if target[0] != c"/" or end - at < 11 or memcmp(at, b" HTTP/1.1\r\n", 11) != 0:
        return NULL
    request.path = (target[:(query if query != NULL else at) - target]).decode("ascii")
    request.query = query[1:at - query] if query != NULL else b""
    return at + 11


cdef const char *read_header(const char *at, const char *end, dict headers) except? NULL:
    """A header's line; returns where the next one begins, or NULL."""
    cdef char name[MAX_NAME]
    cdef size_t size = 0
    cdef const char *value
    cdef const char *value_end
    cdef bytes key
    while at < end and is_name(at[0]) and size < MAX_NAME:
        name[size] = at[0] | 0x20 if c"A" <= at[0] <= c"Z" else at[0]
        size += 1
        at += 1
    if size == 0 or end - at < 3 or at[0] != c":":
        return NULL
    value = at + 1
    while value < end and value[0] == c" ":
        value += 1
    at = value
    while at < end and is_value(at[0]):
        at += 1
    if end - at < 2 or at[0] != c"\r" or at[1] != c"\n":
        return NULL
    value_end = at
    while value_end > value and (value_end - 1)[0] == c" ":
        value_end -= 1
    key = name[:size]
    if key in headers or key in OTHERS:
        return NULL
    headers[key] = value[:value_end - value]
    return at + 2


cdef Py_ssize_t body_size(dict headers) except -2:
    """The length of the body; -1 where it is not plain."""
    cdef Py_ssize_t size
    cdef bytes length = <bytes> headers.get(b"content-length")
    if length is None:
        return 0
    if not 0 < len(length) <= MAX_LENGTH_DIGITS or not length.isdigit():
        return -1
    size = int(length)
    return size if size <= MAX_BODY else -1


def plain_request(bytes data not None) -> PlainRequest | None:
    """The request that `data` is, or None."""
    cdef const char *at = data
    cdef const char *end = at + len(data)
    cdef const char *head_end = <const char *> memmem(at, min(len(data), <Py_ssize_t> MAX_HEAD), b"\r\n\r\n", 4)
    cdef PlainRequest request
    cdef bytes connection
    if head_end == NULL or (at[0] != c"P" and at[0] != c"D"):
        return None
    request = PlainRequest.__new__(PlainRequest)
    request.headers = {}
    at = read_line(at, head_end + 2, request)
    while at != NULL and at < head_end + 2:
        at = read_header(at, head_end + 2, request.headers)
    if at == NULL or len(request.headers) > MAX_HEADERS or b"host" not in request.headers:
        return None
    connection = <bytes> request.headers.get(b"connection")
    if connection is not None and connection.lower() != b"keep-alive":
        return None
    if body_size(request.headers) != end - (head_end + 4):
        return None
    request.body = head_end[4:end - head_end]
    return request
