"""Frames of a WebSocket, read in one pass where they are as plain as those of requests: whole messages of ASCII text.

Control frames are told apart, for somebody else to answer. Of what is neither, it says so and reads no further.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t

cdef enum:
    TEXT = 0x81             # a whole message
    LEAST_CONTROL = 0x88    # close, ping, pong
    MOST_CONTROL = 0x8A
    MASKED = 0x80
    MOST_CONTROL_SIZE = 125
    MASK_SIZE = 4
    SMALL = 126             # below it, the length is one byte
    HIGH_BITS = 0x80

MESSAGE, CONTROL, INCOMPLETE, OTHER = range(4)
cdef object NOTHING_YET = (INCOMPLETE, b"")
cdef object NOT_PLAIN = (OTHER, b"")


cdef class Frames:
    """What a client sends, of `most` bytes a message."""

    cdef bytes data
    cdef Py_ssize_t at
    cdef Py_ssize_t most

    def __init__(self, Py_ssize_t most):
        self.data = b""
        self.most = most

    def add(self, bytes data not None) -> None:
        """More has come."""
        self.data = data if self.at == len(self.data) else self.data[self.at:] + data
        self.at = 0

    def take_rest(self) -> bytes:
        """All that was not taken."""
        rest = self.data[self.at:]
        self.data, self.at = b"", 0
        return rest

    def next(self) -> tuple[int, bytes]:
        """MESSAGE with its text, CONTROL with its frame as it came, INCOMPLETE, or OTHER."""
        cdef const uint8_t *frame = <const uint8_t *> <const char *> self.data + self.at
        cdef Py_ssize_t left = len(self.data) - self.at
        cdef Py_ssize_t head = 2
        cdef Py_ssize_t size
        cdef bytes text
        if left < 2:
            return NOTHING_YET
        if not frame[1] & MASKED or not (frame[0] == TEXT or LEAST_CONTROL <= frame[0] <= MOST_CONTROL):
            return NOT_PLAIN
        size = frame[1] & ~MASKED
        if size == SMALL:
            if left < 4:
                return NOTHING_YET
            size = frame[2] << 8 | frame[3]
            head = 4
        elif size > SMALL:
            return NOT_PLAIN
        if size > (self.most if frame[0] == TEXT else <Py_ssize_t> MOST_CONTROL_SIZE):
            return NOT_PLAIN
        if left < head + MASK_SIZE + size:
            return NOTHING_YET
        if frame[0] != TEXT:
            self.at += head + MASK_SIZE + size
            return CONTROL, (<const char *> frame)[:head + MASK_SIZE + size]
        text = unmasked(frame + head + MASK_SIZE, size, frame + head)
        if text is None:
            return NOT_PLAIN
        self.at += head + MASK_SIZE + size
        return MESSAGE, text


cdef bytes unmasked(const uint8_t *data, Py_ssize_t size, const uint8_t *mask):
    """The text, or None where it is not all ASCII."""
    cdef bytes text = PyBytes_FromStringAndSize(NULL, size)  # of its own: short ones with contents are shared by all
    cdef uint8_t *out = <uint8_t *> <char *> text
    cdef uint8_t high = 0
    cdef Py_ssize_t i
    for i in range(size):
        out[i] = data[i] ^ mask[i & 3]
        high |= out[i]
    return None if high & HIGH_BITS else text


def text_frame(bytes text not None) -> bytes:
    """A message as a server sends it: one frame, not masked."""
    cdef Py_ssize_t size = len(text)
    if size < SMALL:
        return bytes((TEXT, size)) + text
    if size < 1 << 16:
        return bytes((TEXT, SMALL, size >> 8, size & 0xFF)) + text
    return bytes((TEXT, SMALL + 1)) + size.to_bytes(8, "big") + text
