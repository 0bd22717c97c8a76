"""What the message store keeps of messages with passwords: asterisks, in a message that still parses."""

from __future__ import annotations

import pytest

from tests.compiled import blanked
from tests.gateway.fix.client import Client


@pytest.mark.parametrize(
    ("tag", "value"), [(554, "secret"), (925, "secret"), (1402, "secret"), (96, "secret"), (96, "se\x01554=cret")]
)
def test_a_secret_is_asterisks_in_a_message_that_still_parses(tag: int, value: str) -> None:
    client = Client()
    fields = [(98, "0"), (108, "30"), *([(95, str(len(value)))] if tag == 96 else []), (tag, value), (553, "ALICE")]
    message = client.message("A", fields)
    clean = blanked(message)
    assert len(clean) == len(message)
    assert b"cret" not in clean
    assert clean[: clean.index(b"*")] == message[: clean.index(b"*")]
    assert clean.count(b"*") == len(value)
    total = sum(clean[: clean.index(b"\x0110=") + 1]) % 256
    assert clean.endswith(b"\x0110=%03d\x01" % total)
    assert clean[: -len("10=000|")].endswith(b"\x01553=ALICE\x01")


def test_what_holds_no_secret_stays_as_it_is() -> None:
    order = Client().message("D", [(11, "554"), (58, "554=x")])
    for message in (order, b"", b"554", b"\x01\x01=\x01", b"8=FIX\x01554=\x01"):
        assert blanked(message) == message
