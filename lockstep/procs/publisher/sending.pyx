"""Gives bytes to sockets at once, as far as these take them: without a buffer, and without a turn of the event loop.

It never waits and never fails: what is wrong with a socket its transport finds out.
"""

from libc.stddef cimport size_t

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE


cdef extern from "<sys/socket.h>" nogil:
    int MSG_DONTWAIT
    int MSG_NOSIGNAL
    ssize_t send(int fd, const void *data, size_t size, int flags)


cdef inline ssize_t sent_now(int fd, bytes data) noexcept:
    cdef ssize_t sent = send(fd, PyBytes_AS_STRING(data), <size_t> PyBytes_GET_SIZE(data), MSG_DONTWAIT | MSG_NOSIGNAL)
    return max(sent, 0)


def send_now(int fd, bytes data not None) -> int:
    """Send what the socket has room for; returns how many bytes that were, 0 also where it can't take any."""
    return sent_now(fd, data)


def send_to_all(int[::1] fds, list is_closing not None, bytes data not None) -> list[tuple[int, int]]:
    """Send the same to many sockets. Returns who did not get all of it: the place, and how many bytes went.

    `is_closing` has a function for each, which says that its number may be another socket's by now: it gets nothing.
    """
    cdef Py_ssize_t i
    cdef ssize_t sent
    cdef list short = []
    for i in range(fds.shape[0]):
        sent = 0 if is_closing[i]() else sent_now(fds[i], data)
        if sent < PyBytes_GET_SIZE(data):
            short.append((i, sent))
    return short
