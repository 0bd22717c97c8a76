"""A request counts for the address that the last untrusted hop connected from, whatever its client has written."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from lockstep.core.edge.shares import client_address
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.client_address import AddressReader
from tests.api.test_http import Client, run, serving
from tests.balancer import HAPROXY, PATIENCE_S
from tests.ports import free_port

CLIENT = "127.0.0.2"  # of HAProxy, which the api sees at 127.0.0.1
NEAR, FAR = "192.0.2.7", "2001:db8::7"  # trusted proxies
# A client's address as its proxy may write it, and the one form that counts.
CLIENTS = [
    ("198.51.100.66", "198.51.100.66"),
    ("198.51.100.66:50123", "198.51.100.66"),
    ("::ffff:198.51.100.66", "198.51.100.66"),
    ("[::ffff:c633:6442]:443", "198.51.100.66"),
    ("2001:db8::66", "2001:db8::66"),
    ("2001:DB8:0:0:0:0:0:66", "2001:db8::66"),
    ("[2001:db8::66]", "2001:db8::66"),
    ("[2001:db8::66]:50123", "2001:db8::66"),
    ("fe80::66%eth0", "fe80::66"),
    ("[fe80::66%25]:1", "fe80::66"),
]
FORMS = {NEAR: ["192.0.2.7", "::ffff:192.0.2.7", "192.0.2.7:80"], FAR: ["2001:db8:0::7", "[2001:db8::7]:8080"]}
JUNK = [
    "",
    "unknown",
    "nobody",
    "_hidden",
    "1.2.3",
    "010.1.1.1",
    "1.2.3.4.5",
    "[2001:db8::1",
    "2001:db8::1]",
    ":80",
    "a:b:c",
]
JUNK += [
    "198.51.100.66:",
    "198.51.100.66:123456",
    "[198.51.100.66",
    "-",
    "0",
    "4294967295",
    "::%",
    "\u00b9.1.1.1",
    "\0",
]
INVENTED: list[list[str]] = [
    [], ["203.0.113.5"], ["203.0.113.5, 203.0.113.6"], ["203.0.113.5", "203.0.113.6"], [""], [","], ["203.0.113.5,"],
    [NEAR], [f"203.0.113.5, {NEAR}"], ["203.0.113.5", FAR, f"{NEAR},{NEAR}"], ["junk"], ["[2001:db8::9]:1", "junk, "],
]  # fmt: skip


def forwarded(lines: Sequence[str], entry: str, *, in_own_line: bool) -> list[str]:
    """The header lines after a proxy has appended where it received the request from."""
    if in_own_line or not lines:
        return [*lines, entry]
    return [*lines[:-1], f"{lines[-1]}, {entry}"]


def read(reader: AddressReader, peer: str, lines: Sequence[str]) -> str:
    headers = [(b"host", b"localhost"), *((b"x-forwarded-for", line.encode("latin-1")) for line in lines)]
    return reader.read(peer, headers)


def chains() -> list[tuple[str, ...]]:
    """Trusted proxies in a row, the first of them the one that the client connects to."""
    return [chain for length in (1, 2, 3) for chain in itertools.product((NEAR, FAR), repeat=length)]


def test_search_of_all_lines_lists_and_forms() -> None:
    """Follow a request from its client through the proxies, each of which notes its peer in one way or the other."""
    reader = AddressReader([NEAR, "2001:DB8:0::7"])
    tried = 0
    for chain, invented, (written, expected) in itertools.product(chains(), INVENTED, CLIENTS):
        for ways in itertools.product((False, True), repeat=len(chain)):
            lines, peer = list(invented), [written]
            for number, (proxy, in_own_line) in enumerate(zip(chain, ways, strict=True)):
                lines = forwarded(lines, peer[0], in_own_line=in_own_line)
                peer = [FORMS[proxy][(tried + number) % len(FORMS[proxy])]]
            found = read(reader, chain[-1], lines)
            assert found == expected, (chain, lines)
            tried += 1
    assert tried > 8000


def test_what_an_untrusted_hop_has_written_never_counts() -> None:
    reader = AddressReader([NEAR])
    for invented, (_, address) in itertools.product(INVENTED, CLIENTS):
        assert read(reader, address, invented) == address
        # An untrusted proxy in between: the request counts for it, as the last hop without a voucher.
        lines = forwarded(forwarded(invented, address, in_own_line=True), "203.0.113.99", in_own_line=False)
        assert read(reader, NEAR, lines) == "203.0.113.99"


@pytest.mark.parametrize("entry", JUNK)
def test_a_request_counts_for_the_proxy_that_wrote_no_address(entry: str) -> None:
    reader = AddressReader([NEAR, FAR])
    for invented in INVENTED:
        lines = forwarded(invented, entry, in_own_line=True)
        assert read(reader, NEAR, lines) == NEAR
        assert read(reader, NEAR, forwarded(lines, FAR, in_own_line=False)) == FAR


def test_a_client_whose_address_is_mapped_counts_once() -> None:
    reader = AddressReader([NEAR])
    assert read(reader, "::ffff:198.51.100.66", []) == "198.51.100.66"
    assert read(reader, f"::ffff:{NEAR}", ["203.0.113.5"]) == "203.0.113.5"
    assert read(reader, "fe80::1%2", []) == "fe80::1"


async def connected(port: int, address: str) -> Client:
    """Connect from an address of this machine, once something listens there."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return Client(*await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0)))
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)


async def ask(client: Client, method: bytes, path: bytes, *forwarded_for: bytes) -> int:
    lines = [
        b"%s %s HTTP/1.1" % (method, path),
        b"Host: localhost",
        *(b"X-Forwarded-For: " + each for each in forwarded_for),
    ]
    client.send(b"\r\n".join([*lines, b"Content-Length: 0", b"", b""]))
    return (await client.answer())[0]


@pytest.mark.parametrize(
    "target", [(b"GET", b"/api/v3/ping", 200), (b"POST", b"/api/v3/order", 401)], ids=["parsed", "plain"]
)
def test_an_address_that_a_trusted_proxy_reports_is_the_one_that_is_limited(target: tuple[bytes, bytes, int]) -> None:
    method, path, status = target

    async def scenario() -> None:
        async with serving(trusted_proxies=["127.0.0.1"]) as api:
            client = await api()
            assert await ask(client, method, path, b"198.51.100.66") == status
            assert await ask(client, method, path, b"203.0.113.5", b"198.51.100.66") == status
            assert await ask(client, method, path, b"203.0.113.6, ::ffff:198.51.100.66") == status
            assert list(api.dialect.limits.weights._used) == ["198.51.100.66"]

    run(scenario())


def test_shares_are_counted_by_the_address_of_each_request() -> None:
    seen: list[str] = []

    async def ping(_: Call) -> bytes:
        seen.append(client_address.get())
        return b"{}"

    async def scenario() -> None:
        async with serving(trusted_proxies=["127.0.0.1"]) as api:
            api.dialect.handlers["ping"] = ping
            client = await api()
            for address in (b"198.51.100.66", b"198.51.100.67"):
                assert await ask(client, b"GET", b"/api/v3/ping", address) == 200
            assert seen == ["198.51.100.66", "198.51.100.67"]

    run(scenario())


@pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed")
def test_behind_haproxy_invented_addresses_share_one_limit(tmp_path: Path) -> None:
    assert HAPROXY is not None
    port = free_port()

    async def scenario() -> None:
        async with serving(trusted_proxies=["127.0.0.1"]) as api:
            file = tmp_path / "haproxy.cfg"
            file.write_text(
                "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n"
                f" option forwardfor\nfrontend api\n bind 127.0.0.1:{port}\n default_backend node\n"
                f"backend node\n server a 127.0.0.1:{api.server.port}\n"
            )
            proxy = subprocess.Popen([HAPROXY, "-db", "-f", str(file)], stdin=subprocess.DEVNULL)
            try:
                client = await connected(port, CLIENT)
                for number in range(20):
                    assert await ask(client, b"GET", b"/api/v3/ping", b"203.0.113.%d" % number) == 200
                assert list(api.dialect.limits.weights._used) == [CLIENT]
            finally:
                proxy.terminate()
                proxy.wait(PATIENCE_S)

    run(scenario())
