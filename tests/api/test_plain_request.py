"""Which requests are plain: whole, alone, and of a strict part of HTTP; nothing else is taken for one."""

from __future__ import annotations

import pytest

from lockstep.procs.api.plain_request import MAX_BODY_BYTES, plain_request

HOST = b"Host: localhost\r\n"
LINE = b"POST /api/v3/order?symbol=A%20B&side=BUY HTTP/1.1\r\n"


def test_a_plain_request_is_read_whole() -> None:
    found = plain_request(
        LINE + HOST + b"X-MBX-APIKEY:  key \r\nContent-Length: 7\r\nConnection: Keep-Alive\r\n\r\nprice=1"
    )
    assert found is not None
    assert (found.method, found.path) == ("POST", "/api/v3/order")
    assert (found.query, found.body) == (b"symbol=A%20B&side=BUY", b"price=1")
    assert found.headers == {
        b"host": b"localhost", b"x-mbx-apikey": b"key", b"content-length": b"7", b"connection": b"Keep-Alive",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "path", "query"),
    [
        (b"DELETE /api/v3/order HTTP/1.1\r\nhost:a\r\n\r\n", "/api/v3/order", b""),
        (b"POST /api/v3/order? HTTP/1.1\r\nhost:\r\n\r\n", "/api/v3/order", b""),
        (b"POST /a?b?c HTTP/1.1\r\nhost: a b\r\ncontent-length: 00\r\n\r\n", "/a", b"b?c"),
    ],
)
def test_targets_and_empty_parts(request_: bytes, path: str, query: bytes) -> None:
    found = plain_request(request_)
    assert found is not None
    assert (found.path, found.query, found.body) == (path, query, b"")


def test_a_body_is_plain_up_to_what_the_server_takes() -> None:
    for size, is_plain in ((MAX_BODY_BYTES, True), (MAX_BODY_BYTES + 1, False), (99_999, False)):
        found = plain_request(LINE + HOST + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
        assert (found is not None) == is_plain, size


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"POST",
        LINE + HOST,  # not whole
        LINE + HOST + b"Content-Length: 5\r\n\r\nfour",
        LINE + HOST + b"Content-Length: 3\r\n\r\nfour",  # another one begins behind it
        LINE + HOST + b"\r\nPOST",
        LINE + b"\r\n",  # no Host
        LINE + HOST + HOST + b"\r\n",
        LINE + HOST + b"X: 1\r\nx: 2\r\n\r\n",
        LINE + HOST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        LINE + HOST + b"Content-Length: +1\r\n\r\nx",
        LINE + HOST + b"Content-Length: \r\n\r\n",
        LINE + HOST + b"Content-Length: 000001\r\n\r\nx",
        LINE + HOST + b"Transfer-Encoding: chunked\r\n\r\n",
        LINE + HOST + b"Expect: 100-continue\r\n\r\n",
        LINE + HOST + b"Connection: close\r\n\r\n",
        LINE + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        LINE + HOST + b"X : 1\r\n\r\n",
        LINE + HOST + b": 1\r\n\r\n",
        LINE + HOST + b" folded: 1\r\n\r\n",
        LINE + HOST + b"X: 1\n\r\n\r\n",
        LINE + HOST + b"X: \x00\r\n\r\n",
        LINE + HOST + b"X: \xff\r\n\r\n",
        LINE + HOST + b"X" * 65 + b": 1\r\n\r\n",
        LINE + HOST + b"".join(b"X%d: 1\r\n" % i for i in range(30)) + b"\r\n",
        LINE + HOST + b"X: " + b"1" * 8192 + b"\r\n\r\n",
        b"\r\n" + LINE + HOST + b"\r\n",
        b"GET /api/v3/order HTTP/1.1\r\n" + HOST + b"\r\n",
        b"post /api/v3/order HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST  /api/v3/order HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST /api/v3/order  HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST /api/v3/order HTTP/1.0\r\n" + HOST + b"\r\n",
        b"POST http://localhost/api/v3/order HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST /api/v3/%6frder HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST /api/v3/order#x HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST /api/v3/order?x=\xff HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST /api/v3/order\tHTTP/1.1\r\n" + HOST + b"\r\n",
    ],
    ids=repr,
)
def test_everything_else_is_left_to_the_servers_parser(request_: bytes) -> None:
    assert plain_request(request_) is None
