"""The web page as the api serves it: its headers, and what stands there where it was never built."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from lockstep.procs.api.asgi import Answer
from lockstep.procs.api.page import Page
from tests.api.test_http import run, serving

ASSET = "/assets/index-abc123.js"
SCRIPT = b"let a = 1;\n" * 500


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A page that was built."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(b"<!doctype html>")
    (tmp_path / ASSET[1:]).write_bytes(SCRIPT)
    return tmp_path


def headers(answer: Answer) -> dict[bytes, bytes]:
    assert len(dict(answer.headers)) == len(answer.headers)
    return dict(answer.headers)


@pytest.mark.parametrize(
    "path", ["/", "/trade/BTCUSDT", "/trade/<script>", "/portfolio", "/account", "/operator", "/operator/money"]
)
def test_every_place_is_the_document_which_nobody_keeps(folder: Path, path: str) -> None:
    page = Page(folder)
    assert page.has(path)
    answer = page.answer(path, {})
    assert (answer.status, answer.body) == (200, b"<!doctype html>")
    assert headers(answer)[b"cache-control"] == b"no-store"


def test_what_has_a_hash_in_its_name_is_kept_for_ever_and_sent_compressed(folder: Path) -> None:
    page = Page(folder)
    plain = page.answer(ASSET, {})
    assert (plain.status, plain.body) == (200, SCRIPT)
    assert headers(plain)[b"cache-control"] == b"public, max-age=31536000, immutable"
    zipped = page.answer(ASSET, {b"accept-encoding": b"gzip, br"})
    assert gzip.decompress(zipped.body) == SCRIPT
    assert headers(zipped)[b"content-encoding"] == b"gzip"
    assert headers(zipped)[b"vary"] == b"accept-encoding"


@pytest.mark.parametrize("path", ["/assets/", "/assets/../index.html", "/assets/no.js", "/assets/%2e%2e/index.html"])
def test_nothing_but_its_files_is_served(folder: Path, path: str) -> None:
    assert Page(folder).answer(path, {}).status == 404


def test_other_paths_are_not_the_pages(folder: Path) -> None:
    page = Page(folder)
    assert not any(page.has(path) for path in ("/api/v3/ping", "/v1/venue", "/docs", "/trade", "/index.html", "/x"))


def test_its_policy_lets_nothing_in_from_elsewhere(folder: Path) -> None:
    said = headers(Page(folder).answer("/", {}))
    policy = said[b"content-security-policy"].decode()
    assert policy.startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert (said[b"x-content-type-options"], said[b"referrer-policy"]) == (b"nosniff", b"no-referrer")


def test_where_it_was_never_built_it_says_so_until_it_is(tmp_path: Path) -> None:
    page = Page(tmp_path / "web")
    answer = page.answer("/", {})
    assert answer.status == 503
    assert b"make page" in answer.body
    assert headers(answer)[b"content-type"].startswith(b"text/html")
    assert page.answer(ASSET, {}).status == 404
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_bytes(b"built")
    assert page.answer("/", {}).body == b"built"


def test_the_api_serves_it_beside_the_dialect(folder: Path) -> None:
    async def test() -> None:
        async with serving(page=folder) as api:
            client = await api()
            client.send(b"GET /trade/BTCUSDT HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert b"content-security-policy" in head
            assert await client.reader.readexactly(15) == b"<!doctype html>"
            client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\ncontent-length: 0\r\n\r\n")
            assert (await client.answer())[0] == 404

    run(test())
