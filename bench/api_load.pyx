"""Load on the API over real sockets: requests that are signed beforehand, at full speed or each at its planned time.

A link is one connection: of HTTP, with one request under way, of the WebSocket API, with many, or of a user stream,
which only listens. It knows nothing of the venue's insides.
"""

from libc.errno cimport EAGAIN, errno
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc, strtoll
from libc.string cimport memcmp, memcpy, memmove

from lockstep.shm.clock cimport monotonic_ns

cdef extern from "<string.h>" nogil:
    void *memmem(const void *text, size_t size, const void *wanted, size_t wanted_size)

cdef extern from "<sys/socket.h>" nogil:
    ssize_t recv(int fd, void *data, size_t size, int flags) noexcept
    ssize_t send(int fd, const void *data, size_t size, int flags) noexcept
    int MSG_DONTWAIT
    int MSG_NOSIGNAL

cdef extern from "<time.h>" nogil:
    cdef struct timespec:
        long tv_sec
        long tv_nsec

cdef extern from "<poll.h>" nogil:
    cdef struct pollfd:
        int fd
        short events
        short revents
    int ppoll(pollfd *fds, unsigned long count, const timespec *timeout, const void *signals) noexcept
    short POLLIN
    short POLLOUT

cdef enum:
    RECEIVE_SIZE = 1 << 20
    SEND_SIZE = 1 << 20
    MAX_LINKS = 64
    NOTHING = -1            # no whole answer has come yet
    NOT_ASKED = -2          # one that no request is waiting for
    TIMEOUT_NS = 30_000_000_000
    REST_NS = 100_000_000   # at most, between two looks at the clock


cdef class Script:
    """Requests, in the order in which they are sent: number i is the i-th."""

    cdef list kept
    cdef const char **texts
    cdef size_t *sizes
    cdef readonly int64_t count

    def __cinit__(self, list requests not None):
        cdef int64_t i
        self.kept = requests
        self.count = len(requests)
        self.texts = <const char **> malloc((self.count + 1) * sizeof(const char *))
        self.sizes = <size_t *> malloc((self.count + 1) * sizeof(size_t))
        if self.texts == NULL or self.sizes == NULL:
            raise MemoryError()
        for i in range(self.count):
            self.texts[i] = <bytes> requests[i]
            self.sizes[i] = len(requests[i])

    def __dealloc__(self):
        free(self.texts)
        free(self.sizes)


cdef class Link:
    """A connection whose handshakes are done. `most` is how many requests may be under way on it."""

    cdef object sock
    cdef int fd
    cdef char *out
    cdef size_t out_begin
    cdef size_t out_end
    cdef char *received
    cdef size_t begin
    cdef size_t end
    cdef int64_t most
    cdef int64_t under_way

    def __cinit__(self, sock, int64_t most=1):
        self.out = <char *> malloc(SEND_SIZE)
        self.received = <char *> malloc(RECEIVE_SIZE)
        if self.out == NULL or self.received == NULL:
            raise MemoryError()
        sock.setblocking(False)
        self.sock = sock
        self.fd = sock.fileno()
        self.most = most

    def __dealloc__(self):
        free(self.out)
        free(self.received)

    cdef bint has_room(self, size_t size) noexcept nogil:
        return self.under_way < self.most and self.out_end + size <= SEND_SIZE

    cdef void ask(self, const char *text, size_t size, int64_t number) noexcept nogil:
        """Have a request sent by the next flush."""
        memcpy(self.out + self.out_end, text, size)
        self.out_end += size
        self.under_way += 1

    cdef int flush(self) except -1 nogil:
        cdef ssize_t sent
        while self.out_begin < self.out_end:
            sent = send(
                self.fd, self.out + self.out_begin, self.out_end - self.out_begin, MSG_DONTWAIT | MSG_NOSIGNAL
            )
            if sent < 0:
                if errno == EAGAIN:
                    return 0
                with gil:
                    raise ConnectionError(f"send: errno {errno}")
            self.out_begin += sent
        self.out_begin = self.out_end = 0
        return 0

    cdef int receive(self) except -1 nogil:
        cdef ssize_t got
        if self.begin:
            memmove(self.received, self.received + self.begin, self.end - self.begin)
            self.end -= self.begin
            self.begin = 0
        got = recv(self.fd, self.received + self.end, RECEIVE_SIZE - self.end, MSG_DONTWAIT)
        if got > 0:
            self.end += got
        elif got == 0 or errno != EAGAIN:
            with gil:
                raise ConnectionError("the venue ended a connection")
        return 0

    cdef int64_t take(self) except -3 nogil:
        """The number of the request that the next answer is to, NOT_ASKED, or NOTHING."""
        with gil:
            raise NotImplementedError

    cdef int refuse(self, const char *text, size_t size) except -3 with gil:
        raise RuntimeError(f"the venue answered {text[:size]!r}")


cdef class HttpLink(Link):
    """HTTP, kept alive: an answer is to what was asked last."""

    cdef int64_t number

    cdef void ask(self, const char *text, size_t size, int64_t number) noexcept nogil:
        self.number = number
        Link.ask(self, text, size, number)

    cdef int64_t take(self) except -3 nogil:
        cdef const char *text = self.received + self.begin
        cdef size_t size = self.end - self.begin
        cdef const char *body = <const char *> memmem(text, size, b"\r\n\r\n", 4)
        cdef const char *length
        cdef size_t whole
        if body == NULL:
            return NOTHING
        length = <const char *> memmem(text, body - text, b"\r\ncontent-length: ", 18)
        if length == NULL:
            return self.refuse(text, size)
        whole = body + 4 - text + strtoll(length + 18, NULL, 10)
        if size < whole:
            return NOTHING
        if memcmp(text, b"HTTP/1.1 200", 12) != 0:
            return self.refuse(text, whole)
        self.begin += whole
        self.under_way -= 1
        return self.number


cdef class WebSocketLink(Link):
    """Messages of a WebSocket."""

    cdef const char *message
    cdef size_t size

    cdef bint next_message(self) noexcept nogil:
        """Whether there is a whole message, a pong or a ping perhaps. A server's are not masked."""
        cdef const uint8_t *frame = <const uint8_t *> self.received + self.begin
        cdef size_t size = self.end - self.begin
        cdef size_t head = 2
        if size < 4:
            return False
        self.size = frame[1]
        if self.size == 126:
            self.size = <size_t> frame[2] << 8 | frame[3]
            head = 4
        if size < head + self.size:
            return False
        self.message = <const char *> frame + head
        self.begin += head + self.size
        return True


cdef class AskingLink(WebSocketLink):
    """The WebSocket API: an answer has its request's number as its id."""

    cdef int64_t take(self) except -3 nogil:
        cdef char *end
        cdef int64_t number
        if not self.next_message():
            return NOTHING
        if self.size < 6 or memcmp(self.message, b'{"id":', 6) != 0:
            return NOT_ASKED
        number = strtoll(self.message + 6, &end, 10)
        if memcmp(end, b',"status":200,', 14) != 0:
            return self.refuse(self.message, self.size)
        self.under_way -= 1
        return number


cdef class ListeningLink(WebSocketLink):
    """A user stream: of reports of new orders, the client id is a letter and the order's number."""

    cdef int64_t first

    def __init__(self, sock, int64_t first):
        """`first` is the number in the client id of request 0."""
        self.first = first

    cdef int64_t take(self) except -3 nogil:
        cdef const char *found
        if not self.next_message():
            return NOTHING
        if memmem(self.message, self.size, b'"x":"NEW"', 9) == NULL:
            return NOT_ASKED
        found = <const char *> memmem(self.message, self.size, b'"c":"', 5)
        return strtoll(found + 6, NULL, 10) - self.first


cdef Link free_link(list links, size_t size, int64_t turn):
    """One that a request may go to, or None."""
    cdef Link link
    cdef int64_t i
    cdef int64_t count = len(links)
    for i in range(count):
        link = <Link> links[(turn + i) % count]
        if link.has_room(size):
            return link
    return None


cdef int wait(list links, int64_t for_ns) except -1:
    """Until something comes, can be sent, or is due."""
    cdef pollfd fds[MAX_LINKS]
    cdef timespec timeout
    cdef Link link
    cdef unsigned long count = 0
    cdef unsigned long i
    for link in links:
        fds[count].fd = link.fd
        fds[count].events = POLLIN | (POLLOUT if link.out_begin < link.out_end else 0)
        count += 1
    timeout.tv_sec = 0
    timeout.tv_nsec = max(<int64_t> 0, min(for_ns, <int64_t> REST_NS))
    with nogil:  # other threads of the benchmark may have something to do
        ppoll(fds, count, &timeout, NULL)
    for i in range(count):
        if fds[i].revents & ~POLLOUT:
            (<Link> links[i]).receive()
    return 0


def ask(list links, Script script, int64_t period_ns, int64_t[::1] out, ListeningLink listener=None) -> int:
    """Send all requests, request i when it is due, `period_ns` x i after the start, or as soon as a link is free.

    With period 0 all are due when they are sent. `out` gets the nanoseconds from when each was due until its answer
    came, or, with a listener, its report. Returns those from the start to the last of them. RuntimeError if one is
    refused.
    """
    cdef list all_links = links if listener is None else [*links, listener]
    cdef int64_t start = monotonic_ns()
    cdef int64_t now = start, moved = start, due
    cdef int64_t sent = 0, done = 0, number
    cdef Link link
    if len(all_links) > MAX_LINKS:
        raise ValueError(f"there are {MAX_LINKS} links at most")
    while done < script.count:
        now = monotonic_ns()
        while sent < script.count and start + sent * period_ns <= now:
            link = free_link(links, script.sizes[sent], sent)
            if link is None:
                break
            link.ask(script.texts[sent], script.sizes[sent], sent)
            out[sent] = start + sent * period_ns if period_ns else now
            sent += 1
        for link in links:
            link.flush()
        due = start + sent * period_ns if sent < script.count and period_ns else now + REST_NS
        wait(all_links, due - monotonic_ns())
        now = monotonic_ns()
        for link in all_links:
            number = link.take()
            while number != NOTHING:
                if number >= 0 and (listener is None or link is listener):
                    out[number] = now - out[number]
                    done += 1
                    moved = now
                number = link.take()
        if now - moved > TIMEOUT_NS:
            raise TimeoutError(f"{done} of {sent} requests were answered, then no more")
    return now - start
