"""The rules of the FIX session layer, each as behaviour, in FIX.4.2 and FIX.4.4, spoken to by simplefix."""

from __future__ import annotations

from typing import Any

import pytest

from lockstep.client.fix.message import utc_text
from tests.gateway.fix.client import SECOND, Client, brief, decode, logged_on, order


def names(events: list[Any]) -> list[Any]:
    return [event[0] if event[0] != "disconnect" else event for event in events]


# Logon


def test_logon_is_answered_with_logon(version: int) -> None:
    client = Client(version)
    client.log_on(fields=[] if version == 42 else [(553, "TRADER1"), (554, "demo")])
    assert brief(client.hear(), 8, 35, 49, 56, 34, 98, 108) == [
        (f"FIX.4.{version % 10}", "A", "LOCKSTEP", "TRADER1", "1", "0", "30")
    ]


def test_nothing_is_taken_before_the_logon_is_accepted(version: int) -> None:
    client = Client(version)
    data = client.message("A", [(98, 0), (108, 30)]) + client.message("1", [(112, "x")])
    assert names(client.give(data)) == ["logon"]
    assert client.hear() == []
    client.session.accept_logon(1, 1, client.now_ns)
    client.give(b"")
    assert brief(client.hear(), 35, 112) == [("A", ""), ("0", "x")]


def test_no_heartbeat_goes_out_before_the_logon_reply(version: int) -> None:
    """FIX-10: the Logon reply comes first."""
    client = Client(version, logon_timeout_s=100)
    client.say("A", [(98, 0), (108, 1)])
    assert client.pass_time(5) is None
    assert client.hear() == []


def test_refused_logon_gets_a_logout_that_uses_no_number(version: int) -> None:
    client = Client(version)
    client.say("A", [(98, 0), (108, 30)])
    assert client.session.refuse_logon(b"bad password", client.now_ns) == ("disconnect", "REFUSED")
    assert [kind for kind, _, _ in client.session.outbox.listed()] == [3]
    assert brief(client.hear(), 35, 34, 58) == [("5", "1", "bad password")]
    assert client.session.outbox.next_out == 1


@pytest.mark.parametrize(
    "header", [{"target": "OTHER"}, {"begin": "FIX.4.3"}, {"sender": "S" * 37}], ids=["target", "version", "sender"]
)
def test_logon_of_a_stranger_gets_no_reply(header: dict[str, Any]) -> None:
    client = Client()
    assert client.say("A", [(98, 0), (108, 30)], **header) == [("disconnect", "IDENTITY")]
    assert client.hear() == []


def test_first_message_that_is_no_logon_gets_no_reply(version: int) -> None:
    """FIX-9: what is no Logon to us gets no answer."""
    client = Client(version)
    assert client.say("0") == [("disconnect", "NOT_LOGON")]
    assert client.hear() == []


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"8=FIX.4.4\x019=5\x0135=A\x0110=000\x01", b"\0" * 64])
def test_garbled_first_message_disconnects(data: bytes) -> None:
    """FIX-8: a garbled message is ignored and uses no number."""
    client = Client()
    assert client.give(data) == [("disconnect", "NOT_LOGON")]
    assert client.hear() == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([(98, 1), (108, 30)], "EncryptMethod"),
        ([(98, 0), (108, 301)], "HeartBtInt"),
        ([(98, 0), (108, 30), (141, "Y")], "MsgSeqNum must be 1"),
        ([(98, 0)], "Required tag missing"),
    ],
)
def test_unacceptable_logon_is_told_why(fields: Any, said: str) -> None:
    client = Client()
    assert client.say("A", fields, seq=3) == [("disconnect", "BAD_LOGON")]
    [logout] = client.hear()
    assert said in logout.get(58).decode()


@pytest.mark.parametrize("fields", [[], [(141, "Y")]], ids=["its numbers", "ResetSeqNumFlag"])
@pytest.mark.parametrize("later_s", [-121, 121, 86_400])
def test_recorded_logon_is_refused_later(version: int, later_s: int, fields: Any) -> None:
    """FIX-14: a Logon has the password, so only its time tells its owner's from a recorded one."""
    client = Client(version)
    recorded = client.message("A", [(98, 0), (108, 30), *fields])
    again = Client(version)
    again.now_ns = client.now_ns + later_s * SECOND
    assert again.give(recorded) == [("disconnect", "BAD_LOGON")]
    assert brief(again.hear(), 35, 34, 58) == [("5", "1", "SendingTime accuracy problem")]
    in_time = Client(version)
    in_time.now_ns = client.now_ns + 119 * SECOND
    assert names(in_time.give(recorded)) == ["logon"]


def test_second_logon_of_a_live_session_disconnects_without_reply(client: Client) -> None:
    """FIX-9: what is no Logon to us gets no answer."""
    assert client.say("A", [(98, 0), (108, 30)]) == [("disconnect", "SECOND_LOGON")]
    assert client.hear() == []


def test_logon_too_high_is_answered_first_and_then_the_gap_is_asked_for(version: int) -> None:
    """FIX-10: the Logon reply comes first."""
    client = Client(version)
    client.log_on(next_in=3, next_out=8, seq=7)
    assert brief(client.hear(), 35, 34, 7, 16) == [("A", "8", "", ""), ("2", "9", "3", "0")]
    client.say("4", [(123, "Y"), (36, 8)], seq=3, poss_dup=True)
    assert names(client.say("D", order(), seq=8)) == ["application"]


def test_logon_too_low_is_told_both_numbers(version: int) -> None:
    client = Client(version)
    assert client.log_on(next_in=5, next_out=9, seq=2) == ("disconnect", "TOO_LOW")
    [logout] = client.hear()
    assert logout.get(58) == b"MsgSeqNum too low, expecting 5 but received 2"


def test_reset_at_logon_resets_both_sides(version: int) -> None:
    """FIX-11: ResetSeqNumFlag resets both sides, at any time."""
    client = Client(version)
    client.log_on(next_in=17, next_out=23, fields=[(141, "Y")])
    assert [kind for kind, _, _ in client.session.outbox.listed()] == [4, 1]
    assert brief(client.hear(), 35, 34, 141) == [("A", "1", "Y")]
    assert client.session.next_in == 2


def test_reset_in_mid_session_resets_both_sides(client: Client) -> None:
    """FIX-11: ResetSeqNumFlag resets both sides, at any time."""
    client.say("D", order())
    client.say("1", [(112, "x")])
    client.hear()
    client.say("A", [(98, 0), (108, 30), (141, "Y")], seq=1)
    assert [kind for kind, _, _ in client.session.outbox.listed()] == [4, 1]
    assert brief(client.hear(), 35, 34, 141) == [("A", "1", "Y")]
    assert names(client.say("D", order(), seq=2)) == ["application"]


def test_next_expected_number_replaces_the_resend_request() -> None:
    """FIX-11: ResetSeqNumFlag resets both sides, at any time."""
    client = Client()
    event = client.log_on(next_in=3, next_out=8, fields=[(789, 5)], seq=4)
    assert event == ("resend", 5, 7)
    assert brief(client.hear(), 35, 34, 789) == [("A", "8", "3")]
    client.say("4", [(123, "Y"), (36, 5)], seq=3, poss_dup=True)
    assert client.session.next_in == 5


def test_next_expected_number_beyond_ours_is_refused() -> None:
    client = Client()
    assert client.log_on(next_in=1, next_out=3, fields=[(789, 9)]) == ("disconnect", "BAD_LOGON")


# Numbers and gaps


def test_messages_in_sequence_reach_the_application(client: Client) -> None:
    events = client.give(b"".join(client.message("D", order(f"a{i}")) for i in range(5)))
    assert [(event[0], event[1], event[2]) for event in events] == [("application", "D", seq) for seq in range(2, 7)]
    assert client.hear() == []


def test_test_request_is_answered_behind_all_that_came_before(client: Client) -> None:
    client.session.feed(client.message("D", order()) + client.message("1", [(112, "barrier")]))
    event = client.session.next_event(client.now_ns)
    assert event is not None
    assert event[0] == "application"
    client.session.send("8", [(37, b"1")], client.now_ns)
    assert client.session.next_event(client.now_ns) is None
    assert brief(client.hear(), 35, 112) == [("8", ""), ("0", "barrier")]


def test_gap_is_asked_for_once_and_replayed_in_order(client: Client) -> None:
    """FIX-7: too low ends the session, too high is kept and asked for once."""
    held = [client.message("D", order(f"late{seq}"), seq=seq) for seq in (5, 6, 7)]
    assert client.give(b"".join(held)) == []
    assert brief(client.hear(), 35, 7, 16) == [("2", "2", "0")]
    missing = b"".join(client.message("D", order(), seq=seq, poss_dup=True) for seq in (2, 3, 4))
    assert [event[2] for event in client.give(missing)] == [2, 3, 4, 5, 6, 7]
    assert client.hear() == []


def test_what_the_queue_holds_is_not_taken_again_when_resent(client: Client) -> None:
    client.say("D", order(), seq=4)
    missing = b"".join(client.message("D", order(), seq=seq, poss_dup=True) for seq in (2, 3, 4))
    assert [event[2] for event in client.give(missing)] == [2, 3, 4]


def test_rejected_resent_message_still_advances(client: Client) -> None:
    """FIX-7: too low ends the session, too high is kept and asked for once."""
    client.say("D", order(), seq=3)
    events = client.say("D", [(11, "x")], seq=2, poss_dup=True)
    assert [event[2] for event in events] == [3]


def test_queue_is_bounded_and_what_it_dropped_is_asked_for_again(client: Client) -> None:
    for seq in range(3, 3000):
        client.say("D", order(), seq=seq)
    assert client.session.queued_bytes() <= 262_144
    client.hear()
    delivered = [event[2] for event in client.say("D", order(), seq=2, poss_dup=True)]
    assert delivered == list(range(2, 2 + len(delivered)))
    assert len(delivered) < 2999
    client.say("D", order(), seq=3000)
    assert brief(client.hear(), 35, 7) == [("2", str(2 + len(delivered)))]


def test_gap_that_is_never_filled_ends_the_session(version: int) -> None:
    client = logged_on(version, gap_timeout_s=20)
    client.say("D", order(), seq=9)
    assert client.pass_time(21) == ("disconnect", "GAP")


def test_number_too_low_logs_out_naming_both(client: Client) -> None:
    """FIX-7: too low ends the session, too high is kept and asked for once."""
    client.say("D", order())
    assert client.say("D", order(), seq=2) == [("disconnect", "TOO_LOW")]
    assert brief(client.hear(), 35, 58) == [("5", "MsgSeqNum too low, expecting 3 but received 2")]


def test_repeated_known_message_is_dropped(client: Client) -> None:
    client.say("D", order())
    assert client.say("D", order(), seq=2, poss_dup=True) == []
    assert client.hear() == []


def test_repeated_message_without_its_first_time_is_rejected_and_the_session_stays(client: Client) -> None:
    """FIX-6: a repeated message says when it was first sent."""
    assert client.say("D", order(), poss_dup=True, original=None) == []
    assert brief(client.hear(), 35, 45, 371, 373) == [("3", "2", "122", "1")]
    assert names(client.say("D", order())) == ["application"]


def test_repeated_message_first_sent_after_now_is_rejected_and_logged_out(client: Client) -> None:
    """FIX-6: a repeated message says when it was first sent."""
    late = utc_text(client.now_ns + 10 * SECOND)
    assert client.say("D", order(), poss_dup=True, original=late) == [("disconnect", "SENDING_TIME")]
    assert brief(client.hear(), 35, 373) == [("3", "10"), ("5", "")]


def test_repeated_message_that_is_known_says_when_it_was_first_sent_too(client: Client) -> None:
    """FIX-6: also below the expected number, where the message itself is dropped."""
    client.say("D", order())
    assert client.say("D", order(), seq=2, poss_dup=True, original=None) == []
    assert brief(client.hear(), 35, 45, 371, 373) == [("3", "2", "122", "1")]
    assert names(client.say("D", order())) == ["application"]
    late = utc_text(client.now_ns + 10 * SECOND)
    assert client.say("D", order(), seq=2, poss_dup=True, original=late) == [("disconnect", "SENDING_TIME")]
    assert brief(client.hear(), 35, 373) == [("3", "10"), ("5", "")]


def test_missing_number_ends_the_session(client: Client) -> None:
    assert client.say("D", order(), seq=None) == [("disconnect", "NO_SEQ_NUM")]


# SequenceReset


def test_gap_fill_moves_the_expected_number(client: Client) -> None:
    client.say("4", [(123, "Y"), (36, 10)])
    assert client.session.next_in == 10


def test_gap_fill_below_with_poss_dup_is_dropped(client: Client) -> None:
    """FIX-2: a repeated gap fill that is known is dropped."""
    client.say("4", [(123, "Y"), (36, 10)])
    assert client.say("4", [(123, "Y"), (36, 12)], seq=3, poss_dup=True, original=None) == []
    assert client.session.next_in == 10
    assert client.hear() == []


def test_gap_fill_obeys_its_own_number(client: Client) -> None:
    """FIX-3: a gap fill obeys its MsgSeqNum, a reset does not."""
    client.say("4", [(123, "Y"), (36, 10)], seq=5)
    assert client.session.next_in == 2
    assert brief(client.hear(), 35, 7) == [("2", "2")]


def test_gap_fill_that_does_not_advance_is_rejected(client: Client) -> None:
    client.say("4", [(123, "Y"), (36, 2)])
    assert brief(client.hear(), 35, 371, 373) == [("3", "36", "5")]


def test_reset_mode_ignores_its_number(client: Client) -> None:
    """FIX-3: a gap fill obeys its MsgSeqNum, a reset does not."""
    client.say("4", [(36, 20)], seq=99)
    assert client.session.next_in == 20
    assert client.hear() == []


def test_reset_mode_below_the_expected_number_is_rejected(client: Client) -> None:
    """FIX-3: a gap fill obeys its MsgSeqNum, a reset does not."""
    client.say("4", [(123, "Y"), (36, 10)])
    client.say("4", [(36, 4)], seq=10)
    assert brief(client.hear(), 35, 371, 373) == [("3", "36", "5")]
    assert client.session.next_in == 10


# Garbled


def test_garbled_messages_are_ignored_and_use_no_number(client: Client) -> None:
    """FIX-8: a garbled message is ignored and uses no number."""
    good = client.message("D", order())
    checksum = good[:-4] + (b"000" if good[-4:-1] != b"000" else b"001") + b"\x01"
    short = good.replace(b"\x019=1", b"\x019=0", 1)
    swapped = good.replace(b"\x0135=D", b"\x0153=D", 1)
    assert names(client.give(checksum + short + b"noise" + swapped + good)) == ["application"]
    assert client.session.next_in == 3


def test_a_data_field_may_hold_separators(client: Client) -> None:
    events = client.say("D", [*order(), (354, 6), (355, "a\x0110=b")])
    assert events[0][3][-2] == (355, b"a\x0110=b")


def test_declared_length_that_is_too_long_ends_the_session(client: Client) -> None:
    assert client.give(b"8=FIX.4.4\x019=99999999\x0135=D\x01") == [("disconnect", "TOO_LONG")]
    assert brief(client.hear(), 35, 58) == [("5", "Message too long")]


# Identity and time


@pytest.mark.parametrize("header", [{"sender": "OTHER"}, {"target": "OTHER"}])
def test_wrong_comp_id_in_a_session_is_rejected_and_logged_out(client: Client, header: dict[str, Any]) -> None:
    """FIX-14: wrong time or CompID in a session: Reject and Logout."""
    assert client.say("D", order(), **header) == [("disconnect", "IDENTITY")]
    assert brief(client.hear(), 35, 373) == [("3", "9"), ("5", "")]


def test_wrong_version_in_a_session_disconnects_without_reply(client: Client) -> None:
    other = "FIX.4.4" if client.version == 42 else "FIX.4.2"
    assert client.say("D", order(), begin=other) == [("disconnect", "IDENTITY")]
    assert client.hear() == []


@pytest.mark.parametrize("offset_s", [-121, 121])
def test_sending_time_outside_the_window_is_rejected_and_logged_out(client: Client, offset_s: int) -> None:
    """FIX-14: wrong time or CompID in a session: Reject and Logout."""
    when = utc_text(client.now_ns + offset_s * SECOND)
    assert client.say("D", order(), time=when) == [("disconnect", "SENDING_TIME")]
    assert brief(client.hear(), 35, 371, 373) == [("3", "52", "10"), ("5", "", "")]


def test_routing_tags_are_reversed_in_replies(client: Client) -> None:
    """FIX-16: routing tags come back reversed."""
    routing = [(115, "DESK"), (116, "JOE"), (128, "VENUE"), (129, "OPS")]
    client.say("D", [(11, "a")], more=routing)
    [reject] = client.hear()
    assert brief([reject], 128, 129, 115, 116) == [("DESK", "JOE", "VENUE", "OPS")]
    client.session.feed(client.message("D", order(), more=routing))
    client.session.next_event(client.now_ns)
    client.session.send("8", [(37, b"1")], client.now_ns, reply=True)
    assert brief(client.hear(), 35, 128, 115) == [("8", "DESK", "VENUE")]


# Heartbeats, logout


def test_heartbeat_after_one_interval_of_our_silence(client: Client) -> None:
    """FIX-12: silence is broken, tested, and then ends the session."""
    assert client.session.deadline_ns() == client.now_ns + 30 * SECOND
    client.pass_time(29)
    assert client.hear() == []
    client.pass_time(1)
    assert brief(client.hear(), 35) == [("0",)]


def test_what_we_send_puts_the_heartbeat_off(client: Client) -> None:
    client.now_ns += 20 * SECOND
    client.session.send("8", [(37, b"1")], client.now_ns)
    client.hear()
    client.pass_time(15)
    assert client.hear() == []


def test_silence_of_the_peer_is_tested_and_then_ends_the_session(client: Client) -> None:
    """FIX-12: silence is broken, tested, and then ends the session."""
    client.pass_time(36)
    assert brief(client.hear(), 35) == [("1",)]
    client.pass_time(30)
    assert brief(client.hear(), 35) == [("0",)]
    assert client.pass_time(6) == ("disconnect", "NO_ANSWER")


def test_any_message_is_life(client: Client) -> None:
    for _ in range(5):
        client.pass_time(37)
        client.say("D", order())
    assert names(client.events) == ["logon", *["application"] * 5]


def test_interval_of_zero_turns_heartbeats_off(version: int) -> None:
    """FIX-12: silence is broken, tested, and then ends the session."""
    client = Client(version)
    client.say("A", [(98, 0), (108, 0)])
    client.session.accept_logon(1, 1, client.now_ns)
    client.hear()
    assert client.pass_time(100_000) is None
    assert client.hear() == []


def test_connection_without_a_logon_is_closed(version: int) -> None:
    client = Client(version, logon_timeout_s=10)
    client.give(client.message("A", [(98, 0), (108, 30)])[:20])
    assert client.pass_time(9) is None
    assert client.pass_time(1) == ("disconnect", "LOGON_TIMEOUT")


def test_logout_is_answered_and_the_connection_closed_after_a_wait(version: int) -> None:
    """FIX-13: a Logout is answered, and locks nobody out."""
    client = logged_on(version, logout_timeout_s=2)
    assert client.say("5") == []
    assert brief(client.hear(), 35, 34) == [("5", "2")]
    assert client.pass_time(2) == ("disconnect", "LOGOUT_TIMEOUT")


def test_our_logout_ends_with_the_peers(client: Client) -> None:
    client.session.log_out(b"end of day", client.now_ns)
    assert brief(client.hear(), 35, 58) == [("5", "end of day")]
    assert client.say("5") == [("disconnect", "LOGOUT")]


def test_logout_above_a_gap_still_counts(client: Client) -> None:
    """FIX-13: a Logout is answered, and locks nobody out."""
    assert client.say("5", seq=12) == []
    assert brief(client.hear(), 35) == [("5",)]
    assert client.session.next_in == 2


def test_nothing_is_taken_behind_the_peers_own_logout(client: Client) -> None:
    """FIX-13: a Logout is answered, and locks nobody out."""
    data = client.message("5") + client.message("D", order("late")) + client.message("1", [(112, "x")])
    assert client.give(data) == []
    assert brief(client.hear(), 35) == [("5",)]
    assert client.session.next_in == 3, "the next logon asks for it again"


def test_behind_our_logout_only_its_answer_and_resends_count(client: Client) -> None:
    client.session.log_out(b"end of day", client.now_ns)
    assert client.say("D", order("late")) == []
    assert client.say("A", [(98, 0), (108, 30), (141, "Y")], seq=1) == []
    assert client.say("2", [(7, 1), (16, 0)], seq=3) == [("resend", 1, 2)]
    client.session.finish_repeat(client.now_ns)
    assert brief(client.hear(), 35) == [("5",), ("4",)], "no ResendRequest of ours: the next logon's is enough"
    assert client.say("5", seq=4) == [("disconnect", "LOGOUT")]
    assert client.session.next_in == 2


def test_what_waits_above_a_gap_is_not_taken_once_the_peer_has_logged_out(client: Client) -> None:
    client.say("D", order("above"), seq=4)
    client.hear()
    client.say("5", seq=5)
    assert client.say("4", [(36, 4), (123, "Y")], seq=2, poss_dup=True) == []
    assert client.give(b"") == []
    assert client.session.next_in == 4


# Types, and what the store is told


def test_unsupported_type_is_a_business_reject(client: Client) -> None:
    """FIX-15: a wrong field is rejected with its reason and tag."""
    client.say("R", [(131, "q")])
    assert brief(client.hear(), 35, 45, 372, 380) == [("j", "2", "R", "3")]


def test_type_that_does_not_exist_is_rejected(client: Client) -> None:
    client.say("ZZ")
    assert brief(client.hear(), 35, 372, 373) == [("3", "ZZ", "11")]


def test_every_finished_message_is_listed_for_the_store(client: Client) -> None:
    client.session.send("8", [(37, b"1")], client.now_ns)
    client.say("1", [(112, "x")])
    listed = client.session.outbox.listed()
    assert [(kind, seq) for kind, seq, _ in listed] == [(2, 2), (1, 3)]
    assert len(decode(b"".join(data for _, _, data in listed))) == 2
