"""Gives bytes to a socket at once, as far as it takes them: without a buffer, and without a turn of the event loop.

It never waits and never fails: what is wrong with a socket its transport finds out.
"""

from libc.stddef cimport size_t

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE


cdef extern from "<sys/socket.h>" nogil:
    int MSG_DONTWAIT
    int MSG_NOSIGNAL
    ssize_t send(int fd, const void *data, size_t size, int flags)


def send_now(int fd, bytes data not None) -> int:
    """Send what the socket has room for; returns how many bytes that were, 0 also where it can't take any."""
    cdef ssize_t sent = send(fd, PyBytes_AS_STRING(data), <size_t> PyBytes_GET_SIZE(data), MSG_DONTWAIT | MSG_NOSIGNAL)
    return max(sent, 0)
