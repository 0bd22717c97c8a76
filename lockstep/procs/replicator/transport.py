"""The connection that carries a link: plain TCP within one machine, TLS 1.3 by pinned certificates between two.

Nothing here waits, and nothing here knows frames, but for the eight bytes that the first one begins with.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import ssl
from collections.abc import Generator
from contextlib import suppress

from lockstep.procs.replicator.certificates import PAIR_AGAIN, UNPAIRED, CertificateError, Credentials
from lockstep.procs.replicator.handshake import LinkError
from lockstep.procs.replicator.link import Link

HANDSHAKE_NS = 3_000_000_000  # from the first packet to a connection that can carry frames
FIRST_DELAY_NS = 50_000_000
MAX_DELAY_NS = 1_000_000_000
MAX_PENDING = 64  # of an acceptor; a newer one drives out the oldest
MAX_ACCEPTS = 16  # in one poll
BACKLOG = 128
CHUNK_BYTES = 16384  # one TLS record: what is written again after a pause begins with the same bytes
MAX_DRAIN_BYTES = 1 << 20

MAGIC = b"SLREPL01"
TLS_BYTES = (0x15, 0x16)  # an alert, a handshake
NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
HUNG_UP_AT_ONCE = "the peer has hung up before it said anything: its log says why"
SPEAKS_TLS = f"it speaks TLS, and {UNPAIRED}"

Secured = Generator[None, None, socket.socket]  # resumed until it returns the connection, or raises OSError


class Connection:
    """One connection with the peer, which is called `peer` in messages."""

    def __init__(self, connected: socket.socket, peer: str) -> None:
        self.peer = peer
        self.received = 0
        self.trouble = ""
        self.is_stranger = False
        self.is_open = True
        self._socket = connected
        self._chunk = CHUNK_BYTES if isinstance(connected, ssl.SSLSocket) else None  # None: all at once

    def fileno(self) -> int:
        """For whoever waits until bytes come; -1 once it is closed."""
        return self._socket.fileno()

    def pump(self, link: Link) -> int:
        """Move what can be moved at this moment, both ways; how many bytes. ConnectionError: it is closed, and why.

        What had come before the peer hung up is in `link` by then: poll it once more for what the peer said last.
        """
        if not self.is_open:
            raise ConnectionError(self.trouble or "the connection is closed")
        try:
            return self._read(link) + self._write(link)
        except OSError as error:
            self.trouble, self.is_stranger = reason_of(error), _is_strange(error)
            self.close()
            raise ConnectionError(f"{self.peer}: {self.trouble}") from None

    def refuse(self, link: Link, error: LinkError, now_ns: int) -> None:
        """Hang up, and tell the peer why, as far as it still hears."""
        link.refuse(error, now_ns)
        with contextlib.suppress(ConnectionError):
            self.pump(link)
        self.close()

    def close(self) -> None:
        """Hang up, so that the peer still gets what was written. Safe to repeat."""
        if not self.is_open:
            return
        self.is_open = False
        hang_up(self._socket)

    def _read(self, link: Link) -> int:
        moved = 0
        while room := link.room():
            try:
                count = self._socket.recv_into(room)
            except NOT_YET:
                break
            if count == 0:
                reason = "the peer has hung up" if self.received else HUNG_UP_AT_ONCE
                raise ConnectionResetError(errno.ECONNRESET, reason)
            self.received += count
            link.received(count)
            moved += count
        return moved

    def _write(self, link: Link) -> int:
        moved = 0
        while unsent := link.unsent():
            try:
                count = self._socket.send(unsent[: self._chunk])
            except NOT_YET:
                break
            link.sent(count)
            moved += count
        return moved


class Dialer:
    """Dials `address` until there is a connection, and again once that is closed.

    `trouble` is why there is none: it stays what it was until bytes have come from a peer, so that who tells each
    change tells a peer that hangs up at once no more than once. `is_stranger`: what answered last is not the peer, or
    does not know this node. ValueError where `address` is none, or may not be dialled without credentials.
    """

    def __init__(self, address: str, credentials: Credentials | None) -> None:
        self.address = address
        self.host, self.port = parse_address(address)
        check_protected(address, credentials)
        self._credentials = credentials
        self.is_stranger = False
        self._trouble = ""
        self._attempt: Secured | None = None
        self._deadline = self._next_ns = self._since_ns = 0
        self._delay_ns = FIRST_DELAY_NS
        self._connection: Connection | None = None

    @property
    def trouble(self) -> str:
        if self._connection is not None and self._connection.received:
            return ""
        return self._trouble

    def poll(self, now_ns: int) -> Connection | None:
        """A new connection, once there is one; never one while the last is open."""
        if self._connection is not None:
            if self._connection.is_open:
                return None
            self._ended(self._connection, now_ns)
        if self._attempt is None:
            if now_ns < self._next_ns:
                return None
            self._attempt = self._dial()
            self._deadline = now_ns + HANDSHAKE_NS
        try:
            next(self._attempt)
        except StopIteration as done:
            self._attempt = None
            self._connection = Connection(done.value, self.address)
            self._since_ns = now_ns
            self.is_stranger = False
            return self._connection
        except (OSError, CertificateError) as error:
            self.is_stranger = _is_strange(error)
            self._failed(reason_of(error), now_ns)
        else:
            if now_ns >= self._deadline:
                self._attempt.close()
                self._failed(f"no answer within {HANDSHAKE_NS // 1_000_000_000} s", now_ns)
        return None

    def close(self) -> None:
        """Dial no more; a connection that was given out stays."""
        if self._attempt is not None:
            self._attempt.close()
            self._attempt = None

    def _ended(self, connection: Connection, now_ns: int) -> None:
        self._connection, self.is_stranger = None, connection.is_stranger
        if now_ns - self._since_ns >= MAX_DELAY_NS:
            self._delay_ns = 0
        self._failed(connection.trouble or "it was closed", now_ns)
        if connection.received:
            self._trouble = ""

    def _failed(self, reason: str, now_ns: int) -> None:
        self._attempt = None
        self._trouble = f"{self.address}: {reason}"
        self._next_ns = now_ns + self._delay_ns
        self._delay_ns = min(2 * self._delay_ns or FIRST_DELAY_NS, MAX_DELAY_NS)

    def _dial(self) -> Secured:
        dialled = socket.socket(family_of(self.host), socket.SOCK_STREAM)
        try:
            tune(dialled)
            while (code := dialled.connect_ex((self.host, self.port))) in (errno.EINPROGRESS, errno.EALREADY):
                yield
            if code not in (0, errno.EISCONN):
                raise OSError(code, os.strerror(code))
            if dialled.getsockname() == dialled.getpeername():  # TCP lets a free local port dial itself
                raise OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
            if self._credentials is None:
                return dialled
            return (yield from secure(dialled, self._credentials, server=False))
        except BaseException:
            dialled.close()
            raise


class Acceptor:
    """Listens on `address`, and gives out connections of which the peer has shown that it is one.

    Between two machines the peer proves it by its certificate, within one by the first bytes of a greeting. At most
    MAX_PENDING have not done so yet; a newer one drives out the oldest, so no crowd that says nothing keeps the peer
    out. `trouble` is why the last one that failed did. OSError where it can't listen; ValueError as for a Dialer.
    """

    def __init__(self, address: str, credentials: Credentials | None) -> None:
        self.address = address
        host, port = parse_address(address)
        check_protected(address, credentials)
        self.trouble = ""
        self._credentials = credentials
        self._pending: list[tuple[int, str, Secured]] = []  # the oldest first
        self._listener = socket.create_server((host, port), family=family_of(host), backlog=BACKLOG)
        self._listener.setblocking(False)

    @property
    def port(self) -> int:
        """Where it listens: the one that the system chose, where `address` has 0."""
        port: int = self._listener.getsockname()[1]
        return port

    def fileno(self) -> int:
        """Of the listener, for whoever waits."""
        return self._listener.fileno()

    def poll(self, now_ns: int) -> Connection | None:
        """The next connection whose peer has shown what it is, or None."""
        self._accept(now_ns)
        for pending in tuple(self._pending):
            deadline, peer, attempt = pending
            try:
                next(attempt)
            except StopIteration as done:
                self._pending.remove(pending)
                self.trouble = ""
                return Connection(done.value, peer)
            except (OSError, CertificateError) as error:
                self._drop(pending, reason_of(error))
            else:
                if now_ns >= deadline:
                    self._drop(pending, "it has said nothing")
        return None

    def close(self) -> None:
        """Listen no more; connections that were given out stay."""
        self._listener.close()
        while self._pending:
            self._drop(self._pending[0], "")

    def _accept(self, now_ns: int) -> None:
        for _ in range(MAX_ACCEPTS):
            try:
                accepted, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:  # the peer was faster, or there are no descriptors left
                self.trouble = reason_of(error)
                return
            if len(self._pending) == MAX_PENDING:
                self._drop(self._pending[0], "newer ones came before it said anything")
            self._pending.append((now_ns + HANDSHAKE_NS, show_address(address[0], address[1]), self._admit(accepted)))
            next(self._pending[-1][2])  # up to its first pause, from where on closing it closes the socket

    def _admit(self, accepted: socket.socket) -> Secured:
        try:
            yield
            tune(accepted)
            if self._credentials is not None:
                return (yield from secure(accepted, self._credentials, server=True))
            while len(begin := peek(accepted)) < len(MAGIC) and MAGIC.startswith(begin):
                yield
            if begin[0] in TLS_BYTES:
                raise OSError(errno.EPROTO, SPEAKS_TLS)
            if begin != MAGIC:
                raise OSError(errno.EPROTO, "what it said is no greeting of a node")
            return accepted
        except BaseException:
            hang_up(accepted)
            raise

    def _drop(self, pending: tuple[int, str, Secured], reason: str) -> None:
        self._pending.remove(pending)
        pending[2].close()
        self.trouble = f"{pending[1].rpartition(':')[0]}: {reason}"  # its port is another one each time


def secure(plain: socket.socket, credentials: Credentials, *, server: bool) -> Secured:
    """TLS over `plain`, which it takes over: a step of the handshake each time it is resumed.

    OSError (ssl.SSLError is one) where the peer is not the one, CertificateError where the files are not whole.
    """
    context = credentials.context(server=server)
    secured = context.wrap_socket(plain, server_side=server, do_handshake_on_connect=False)
    try:
        while True:
            try:
                secured.do_handshake()
                break
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                yield
        if secured.getpeercert(binary_form=True) != credentials.peer:
            raise ssl.SSLCertVerificationError("another certificate than the peer's")
    except BaseException:
        hang_up(secured)
        raise
    return secured


def hang_up(connected: socket.socket) -> None:
    """Close it so that the peer still gets what was written, as far as one can without waiting.

    Closed over bytes that nobody has read, TCP resets, and the peer may lose the reason that it was told.
    """
    descriptor = connected.detach()
    if descriptor < 0:
        return  # closed already, or TLS has taken it over
    with suppress(OSError), socket.socket(fileno=descriptor) as raw:
        raw.setblocking(False)
        raw.shutdown(socket.SHUT_WR)
        drained = 0
        while drained < MAX_DRAIN_BYTES and (data := raw.recv(65536)):
            drained += len(data)


def peek(connected: socket.socket) -> bytes:
    """Up to eight bytes that stay where they are; ConnectionError where it has ended."""
    try:
        begin = connected.recv(len(MAGIC), socket.MSG_PEEK)
    except BlockingIOError:
        return b""
    if not begin:
        raise ConnectionResetError(errno.ECONNRESET, "it has hung up before it said anything")
    return begin


def tune(connected: socket.socket) -> None:
    """No waiting, neither ours nor TCP's, and an end to a peer that is gone while nothing is under way."""
    connected.setblocking(False)
    tcp = socket.IPPROTO_TCP
    connected.setsockopt(tcp, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connected.setsockopt(tcp, socket.TCP_KEEPIDLE, 2)
    connected.setsockopt(tcp, socket.TCP_KEEPINTVL, 1)
    connected.setsockopt(tcp, socket.TCP_KEEPCNT, 3)


def parse_address(text: str) -> tuple[str, int]:
    """Address and port of `127.0.0.1:9900` or `[::1]:9900`. ValueError: names are none, they would have to be asked."""
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        if (":" in bare) == (bare != host) and ipaddress.ip_address(bare) and port.isdecimal() and int(port) <= 65535:
            return bare, int(port)
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no address and port, such as 127.0.0.1:9900")


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def show_address(host: str, port: int) -> str:
    """As `parse_address` reads it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_protected(address: str, credentials: Credentials | None) -> None:
    """ValueError where `address` is of another machine and the node is not paired."""
    if credentials is None and not ipaddress.ip_address(parse_address(address)[0]).is_loopback:
        raise ValueError(f"{address} is not on this machine, and {UNPAIRED}")


def _is_strange(error: Exception) -> bool:
    """Return whether a TLS peer is there, and one of the two does not know the other's certificate."""
    return isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))


def reason_of(error: Exception) -> str:
    """What to tell an operator."""
    if isinstance(error, CertificateError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not the one that this node is paired with: {PAIR_AGAIN}"
    if isinstance(error, ssl.SSLEOFError):
        return f"it hung up in the TLS handshake: {PAIR_AGAIN}"
    if isinstance(error, ssl.SSLError):
        if "ALERT" in (error.reason or ""):
            return f"it refuses this node's certificate ({error.reason}): {PAIR_AGAIN}"
        return f"it speaks no TLS as a paired node does ({error.reason}): {PAIR_AGAIN}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error)
