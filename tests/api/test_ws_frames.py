"""Which frames are plain messages, whatever pieces they come in; and that all messages are taken in their order."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from lockstep.procs.api.binance import ws_api
from lockstep.procs.api.ws_frames import CONTROL, INCOMPLETE, MESSAGE, OTHER, Frames, text_frame
from tests.api.test_hostile import websocket
from tests.api.test_http import PATIENCE_S, Client, pinged, run, serving

MOST = 1000


def frame(text: bytes, opcode: int = Opcode.TEXT, fin: bool = True) -> bytes:
    """As a client's library sends it, masked."""
    return Frame(Opcode(opcode), text, fin).serialize(mask=True)


def read(frames: Frames) -> list[tuple[int, bytes]]:
    """All that there is now."""
    found = []
    while (each := frames.next())[0] in (MESSAGE, CONTROL):
        found.append(each)
    return [*found, each]


@given(st.lists(st.text("az09{}\x00\x7f", max_size=300)), st.data())
def test_messages_come_out_as_they_were_in_whatever_pieces_they_came(texts: list[str], data: st.DataObject) -> None:
    stream = b"".join(frame(text.encode()) for text in texts)
    frames, found = Frames(MOST), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        frames.add(stream[:size])
        stream = stream[size:]
        *messages, last = read(frames)
        assert last == (INCOMPLETE, b"")
        found += messages
    assert found == [(MESSAGE, text.encode()) for text in texts]
    assert frames.take_rest() == b""


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG, Opcode.CLOSE])
def test_control_frames_are_told_apart(opcode: Opcode) -> None:
    frames, control = Frames(MOST), frame(b"\x03\xe8", opcode)
    frames.add(frame(b"1") + control + frame(b"2"))
    assert read(frames) == [(MESSAGE, b"1"), (CONTROL, control), (MESSAGE, b"2"), (INCOMPLETE, b"")]


@pytest.mark.parametrize(
    "other",
    [
        frame("é".encode()),
        frame(b"1", fin=False),
        frame(b"1", Opcode.CONT),
        frame(b"1", Opcode.BINARY),
        frame(b"1" * (MOST + 1)),
        frame(b"1" * 65536),
        b"\x81\x01x",  # not masked
        b"\xc1\x81\x00\x00\x00\x00x",  # a reserved bit
        b"\x83\x81\x00\x00\x00\x00x",  # a reserved opcode
        b"\x89\xfe\x00\x7e" + bytes(4 + 126),  # a control frame that is too long
        b"\x09\x81\x00\x00\x00\x00x",  # one that is not whole
    ],
    ids=lambda other: f"{other[0]:02x}-{len(other)}",
)
def test_everything_else_is_left_to_the_library(other: bytes) -> None:
    frames, behind = Frames(MOST), frame(b"2")
    frames.add(frame(b"1") + other + behind)
    assert read(frames) == [(MESSAGE, b"1"), (OTHER, b"")]
    assert frames.take_rest() == other + behind


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_a_servers_frame_is_as_the_library_makes_it(size: int) -> None:
    assert text_frame(b"x" * size) == Frame(Opcode.TEXT, b"x" * size).serialize(mask=False)


def ping(number: int, padding: str = "") -> bytes:
    return json.dumps({"id": number, "method": "ping" + padding}, ensure_ascii=False).encode()


async def ids(client: Client, count: int) -> tuple[list[int | None], int]:
    """The ids of this many answers, as they come, and how many pongs came before the last of them."""
    found: list[int | None] = []
    pongs = 0
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < count:
            kind, size = await client.reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await client.reader.readexactly(2), "big")
            said = await client.reader.readexactly(size)
            if kind == 0x8A:
                pongs += 1
            else:
                found.append(json.loads(said)["id"])
    return found, pongs


def test_messages_are_taken_in_their_order_however_they_come() -> None:
    async def scenario() -> None:
        async with serving() as opens:
            client = await websocket(opens)
            halves = frame(ping(3)[:9], fin=False) + frame(b"", Opcode.PING) + frame(ping(3)[9:], Opcode.CONT)
            client.send(frame(ping(1)) + frame(b"!", Opcode.PING) + frame(ping(2)) + halves + frame(ping(4)))
            assert await ids(client, 4) == ([1, 2, 3, 4], 2)
            client = await websocket(opens)
            client.send(frame(ping(5)) + frame(ping(6, "é")) + frame(ping(7)))
            assert await ids(client, 3) == ([5, 6, 7], 0)

    run(scenario())


def test_a_message_within_a_message_is_none() -> None:
    """The library has begun with a frame that is not plain: what looks like a plain one is a part of that."""
    inner = bytes([0x81, 0x80 | len(ping(9))]) + bytes(4) + ping(9)
    outer = bytes([0x82, 0x80 | len(inner)]) + bytes(4) + inner

    async def scenario() -> None:
        async with serving() as opens:
            client = await websocket(opens)
            client.send(outer[: -len(inner)])
            assert await pinged(opens), "what was sent before has been read by now"
            client.send(inner + frame(ping(1)))
            assert await ids(client, 2) == ([None, 1], 0)

    run(scenario())


def test_a_flood_is_read_as_fast_as_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """More messages than may be under way come in one piece."""
    monkeypatch.setattr(ws_api, "MOST_UNDER_WAY", 8)
    monkeypatch.setattr(ws_api, "GO_ON_AT", 4)

    async def scenario() -> None:
        async with serving(request_weight_per_minute=0) as opens:
            for last in (b"", frame(ping(100), Opcode.BINARY)):  # which has the others come like it
                client = await websocket(opens)
                client.send(last + b"".join(frame(ping(number)) for number in range(100)))
                found, _ = await ids(client, 100 + bool(last))
                assert set(found) == set(range(100 + bool(last)))

    run(scenario())
