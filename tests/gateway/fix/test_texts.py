"""What a client may write into a text: anything else is refused with the tag it is in, and never repeated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.core.schema.alphabet import fault_of_id, fault_of_text
from tests.gateway.fix.client import Client, Fields, brief, decode, logged_on, order

BAD = [b"A\xff", b"A\0B", b"A\nB", b"\x7f", b" A", b"A ", "é".encode()]


def altered(tag: int, value: Any) -> Fields:
    """An order with another value of this tag, or with it."""
    return [(each, value if each == tag else old) for each, old in order()] + (
        [] if tag in dict(order()) else [(tag, value)]
    )


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("tag", [11, 55, 1, 66])
def test_an_id_of_other_characters_is_refused_with_its_tag(tag: int, value: bytes) -> None:
    client = logged_on()
    assert client.say("D", altered(tag, value)) == []
    (answer,) = brief(client.hear(), 35, 45, 371, 372, 373, 58)
    assert answer[:5] == ("3", "2", str(tag), "D", "6")
    assert answer[5].startswith("TEXT_NOT_ALLOWED: ")
    assert [event[0] for event in client.say("D", order())] == ["application"]


@pytest.mark.parametrize(
    ("text", "refused"),
    [("größer als 5 €".encode(), False), (b" free ", False), (b"a\tb", True), (b"\xff", True), (b"\xc2\x85", True)],
)
@pytest.mark.parametrize("tag", [58, 5001])
def test_text_for_people_and_user_tags_are_utf_8(tag: int, text: bytes, *, refused: bool) -> None:
    client = logged_on()
    events = client.say("D", altered(tag, text))
    assert [event[0] for event in events] == ([] if refused else ["application"])
    assert brief(client.hear(), 35, 371, 373) == ([("3", str(tag), "6")] if refused else [])


def test_data_fields_hold_any_bytes() -> None:
    client = logged_on()
    assert [event[0] for event in client.say("D", [*order(), (354, 3), (355, b"\xff\0\x01")])] == ["application"]


@pytest.mark.parametrize("value", BAD)
def test_what_is_not_allowed_is_never_repeated(value: bytes) -> None:
    """Neither by a Heartbeat, nor as the type or the routing of what a Reject answers."""
    client = logged_on()
    cases: list[tuple[Any, Fields, Fields]] = [
        ("1", [(112, value)], []),
        (value, [], []),
        ("D", [], [(115, value)]),
        ("7", [(58, "not supported")], [(116, value)]),
    ]
    for msg_type, fields, more in cases:
        client.say(msg_type, fields, more=more)
    answers = client.hear()
    assert [message.get(35) for message in answers] == [b"3", b"3", b"3", b"j"]
    assert not any(pair[1] == value for message in answers for pair in message.pairs)


@pytest.mark.parametrize("value", BAD)
def test_a_comp_id_of_other_characters_gets_no_answer(value: bytes) -> None:
    client = Client()
    assert [event[0] for event in client.say("A", [(98, 0), (108, 30)], sender=value)] == ["disconnect"]
    assert client.session.take_outgoing() == b""


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([11, 55, 1, 58, 109, 5001]), st.binary(min_size=1, max_size=40).filter(lambda b: b"\x01" not in b)
)
def test_the_door_and_the_alphabet_agree(tag: int, value: bytes) -> None:
    client = logged_on()
    fault = (fault_of_text if tag in (58, 5001) else fault_of_id)(value)
    events = client.say("D", altered(tag, value))
    answers = brief(decode(client.session.take_outgoing()), 35, 371)
    assert (len(events), answers) == ((0, [("3", str(tag))]) if fault else (1, []))
