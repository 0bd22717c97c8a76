"""What a session answers to a ResendRequest, in FIX.4.2 and FIX.4.4; a dictionary is its store."""

from __future__ import annotations

from typing import Any

import pytest

from lockstep.client.fix.message import utc_text
from tests.gateway.fix.client import SECOND, Client, brief


def with_reports(client: Client, count: int) -> dict[int, bytes]:
    """Send reports, with heartbeats between; returns the reports by number, as a store would hold them."""
    for i in range(count):
        client.session.send("8", [(37, b"%d" % i)], client.now_ns)
        client.say("1", [(112, "x")])
    stored = {seq: data for kind, seq, data in client.session.outbox.listed() if kind == 2}
    client.hear()
    return stored


def serve(client: Client, event: Any, stored: dict[int, bytes]) -> None:
    assert event[0] == "resend"
    for seq in range(event[1], event[2] + 1):
        if seq in stored:
            client.session.repeat_message(seq, stored[seq], client.now_ns)
    client.session.finish_repeat(client.now_ns)


def test_resend_repeats_reports_and_fills_what_is_administrative(client: Client) -> None:
    """FIX-4, FIX-5."""
    stored = with_reports(client, 2)  # 2 report, 3 heartbeat, 4 report, 5 heartbeat
    first_time = utc_text(client.now_ns)
    client.now_ns += 3 * SECOND
    [event] = client.say("2", [(7, 1), (16, 0)])
    serve(client, event, stored)
    assert [kind for kind, _, _ in client.session.outbox.listed()] == [3] * 5
    heard = client.hear()
    assert brief(heard, 35, 34, 43, 123, 36, 37) == [
        ("4", "1", "Y", "Y", "2", ""),
        ("8", "2", "Y", "", "", "0"),
        ("4", "3", "Y", "Y", "4", ""),
        ("8", "4", "Y", "", "", "1"),
        ("4", "5", "Y", "Y", "6", ""),
    ]
    assert brief(heard, 52, 122)[1] == (utc_text(client.now_ns), first_time)
    assert client.session.outbox.next_out == 6


def test_resend_of_a_bounded_range_stays_in_it(client: Client) -> None:
    """FIX-4: a resend is exactly the range."""
    stored = with_reports(client, 3)
    [event] = client.say("2", [(7, 3), (16, 4)])
    assert event == ("resend", 3, 4)
    serve(client, event, stored)
    assert brief(client.hear(), 35, 34, 36) == [("4", "3", "4"), ("8", "4", "")]


def test_resend_beyond_what_was_sent_is_cut(client: Client) -> None:
    """FIX-4: a resend is exactly the range."""
    with_reports(client, 1)
    assert client.say("2", [(7, 2), (16, 999999)]) == [("resend", 2, 3)]


@pytest.mark.parametrize(("begin", "end"), [(0, 0), (9, 0), (2, 1)])
def test_resend_of_no_range_is_rejected(client: Client, begin: int, end: int) -> None:
    with_reports(client, 1)
    assert client.say("2", [(7, begin), (16, end)]) == []
    assert brief(client.hear(), 35, 371, 373) == [("3", "7", "5")]


def test_resend_request_above_a_gap_is_served_before_the_gap_is_asked_for(client: Client) -> None:
    """FIX-1: a ResendRequest above a gap is served first."""
    stored = with_reports(client, 1)
    [event] = client.say("2", [(7, 2), (16, 0)], seq=9)
    serve(client, event, stored)
    assert brief(client.hear(), 35, 34, 7) == [("8", "2", ""), ("4", "3", ""), ("2", "4", "3")]
    client.say("4", [(123, "Y"), (36, 9)], seq=3, poss_dup=True)
    assert client.session.next_in == 10  # and it is not served a second time
    assert client.hear() == []
