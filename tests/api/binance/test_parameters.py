"""Parameters and what is signed of them, compared with a slow reading by the standard library; and all that is none."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.procs.api.binance.errors import ApiError
from lockstep.procs.api.binance.parameters import count_members, of_json, of_request

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,12}", fullmatch=True).filter(lambda name: name != "signature")
TEXTS = st.text(st.characters(blacklist_categories=("Cc", "Cs"), max_codepoint=0x1FFFF), min_size=1, max_size=20)
PAIRS = st.dictionaries(NAMES, TEXTS, max_size=8)
ENCODINGS = (quote, quote_plus, lambda text: quote(text, safe="/:@!'()*,;~"))


def error_of(query: bytes, body: bytes = b"") -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        of_request(query, body)
    assert caught.value.status == 400
    return caught.value.code, caught.value.text


def slow_form(form: str) -> tuple[str, dict[str, str], str | None]:
    """What is signed of a form, its parameters and its signature, by splitting it."""
    parts = form.split("&") if form else []
    kept = [part for part in parts if not part.startswith("signature=")]
    signatures = [part[len("signature=") :] for part in parts if part.startswith("signature=")]
    pairs = [part.split("=", 1) for part in kept if part]
    values = {name: unquote_plus(value) for name, value in pairs}
    return "&".join(kept), values, unquote_plus(signatures[0]) if signatures else None


@given(PAIRS, PAIRS, st.sampled_from(ENCODINGS), st.sampled_from(("query", "body", "none")), st.data())
def test_values_and_what_is_signed_are_those_of_a_slow_reading(
    in_query: dict[str, str], in_body: dict[str, str], encode: object, signed_in: str, data: st.DataObject
) -> None:
    assert callable(encode)
    query, body = ([f"{name}={encode(value)}" for name, value in pairs.items()] for pairs in (in_query, in_body))
    signature = data.draw(st.sampled_from(("AbCd", quote("a+b/c="))))
    if signed_in != "none":
        parts = query if signed_in == "query" else body
        parts.insert(data.draw(st.integers(0, len(parts))), f"signature={signature}")
    forms = "&".join(query), "&".join(body)
    slow_query, slow_body = (slow_form(form) for form in forms)
    found = of_request(forms[0].encode(), forms[1].encode())
    assert found.signed.decode() == slow_query[0] + slow_body[0]
    expected = {**slow_body[1], **slow_query[1]}
    assert {name.decode(): value.decode() for name, value in found.values.items()} == expected
    told = slow_query[2] or slow_body[2]
    assert found.signature == (None if told is None else told.encode())


def test_the_signature_is_of_query_and_body_without_a_separator_in_the_order_sent() -> None:
    found = of_request(b"symbol=LTCBTC&side=BUY&type=LIMIT", b"quantity=1&price=0.1&timestamp=1&signature=ab")
    assert found.signed == b"symbol=LTCBTC&side=BUY&type=LIMITquantity=1&price=0.1&timestamp=1"
    assert of_request(b"signature=ab&z=1&a=2", b"").signed == b"z=1&a=2"
    assert of_request(b"z=1&signature=ab&a=2", b"").signed == b"z=1&a=2"
    assert of_request(b"z=1&a=2&signature=ab", b"").signed == b"z=1&a=2"
    assert of_request(b"signature=ab", b"").signed == b""


def test_the_query_wins_over_the_body() -> None:
    assert of_request(b"symbol=A", b"symbol=B&side=BUY").values == {b"symbol": b"A", b"side": b"BUY"}
    assert of_request(b"signature=aa", b"signature=bb").signature == b"aa"


def test_a_separator_too_many_is_part_of_what_is_signed_and_no_parameter() -> None:
    found = of_request(b"a=1&&b=2&", b"")
    assert (found.signed, found.values) == (b"a=1&&b=2&", {b"a": b"1", b"b": b"2"})


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        (b"a=1&a=1", -1101, "Duplicate values for a parameter detected."),
        (b"signature=a&signature=a", -1101, "Duplicate values for a parameter detected."),
        (b"&".join(b"p%d=1" % i for i in range(101)), -1101, "Too many parameters sent for this endpoint."),
        (b"a=", -1105, "Parameter 'a' was empty."),
        (b"a", -1105, "Parameter 'a' was empty."),
        (b"signature=", -1105, "Parameter 'signature' was empty."),
        (b"a=" + b"x" * 16385, -1130, "Data sent for parameter 'a' is not valid."),
        *(
            (query, -1100, "Illegal characters found in a parameter.")
            for query in (
                b"=1",
                b"a%61=1",
                b"x" * 65 + b"=1",
                b"a=%",
                b"a=%4",
                b"a=%zz",
                b"a=%00",
                b"a=\x00",
                b"a=%0A",
                b"a=\xff",
                b"a=%C3%28",
                b"a=%ED%A0%80",
                b"a=%C2%85",
                b"\xc3\xa9=1",
            )
        ),
    ],
)
def test_what_is_no_parameter_has_one_clear_answer(query: bytes, code: int, text: str) -> None:
    assert error_of(query) == (code, text)
    assert error_of(b"", query) == (code, text)


def test_a_hundred_parameters_are_counted_over_query_and_body() -> None:
    query = b"&".join(b"q%d=1" % i for i in range(60))
    body = b"&".join(b"b%d=1" % i for i in range(40))
    assert len(of_request(query, body).values) == 100
    assert error_of(query, body + b"&one=1")[0] == -1101


def test_what_a_route_does_not_read_is_refused() -> None:
    found = of_request(b"a=1&b=2", b"")
    found.expect(frozenset((b"a", b"b", b"c")))
    with pytest.raises(ApiError, match=r"Not all sent parameters were read; read '1' parameter\(s\) but was sent '2'"):
        found.expect(frozenset((b"a",)))


@pytest.mark.parametrize("value", [b"-1", b"+1", b"1.0", b"1e3", b"\xd9\xa1", b"9" * 21, b"0x1"])
def test_a_whole_number_is_digits(value: bytes) -> None:
    found = of_request(b"limit=" + value.replace(b"+", b"%2B"), b"")
    with pytest.raises(ApiError, match="Illegal characters found in parameter 'limit'"):
        found.integer(b"limit", 1, 1000)


def test_a_whole_number_has_its_range_and_its_default() -> None:
    found = of_request(b"limit=1001", b"")
    assert found.integer(b"limit", 1, 1001) == 1001
    assert found.integer(b"other", 1, 1000, 500) == 500
    with pytest.raises(ApiError, match="Data sent for parameter 'limit' is not valid"):
        found.integer(b"limit", 1, 1000)


@given(st.dictionaries(NAMES, st.one_of(TEXTS, st.integers(), st.booleans()), max_size=8))
def test_members_are_signed_sorted_as_text(members: dict[str, str | int | bool]) -> None:
    def text(value: str | int | bool) -> str:
        return value if isinstance(value, str) else json.dumps(value)

    found = of_json(json.dumps({**members, "signature": "abc"}).encode())
    assert {name.decode(): value.decode() for name, value in found.values.items()} == {
        name: text(value) for name, value in members.items()
    }
    assert found.signed.decode() == "&".join(f"{name}={text(members[name])}" for name in sorted(members))
    encoded = "&".join(f"{name}={quote_plus(text(members[name]))}" for name in sorted(members))
    assert (found.encoded() or found.signed).decode() == encoded
    assert found.signature == b"abc"


def test_numbers_are_signed_as_they_were_written() -> None:
    found = of_json(b'{"quantity": 0.10, "price": 1e-05, "timestamp": 1700000000000, "symbols": ["A", "B"]}')
    assert found.signed == b'price=1e-05&quantity=0.10&symbols=["A", "B"]&timestamp=1700000000000'


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"a":1,"a":1}', -1101),
        (b'{"a":"x:y","b":[1,{"c":1}],"a":2}', -1101),
        (b'{"a":null}', -1105),
        (b'{"a":""}', -1105),
        (b'{"a":{"b":1}}', -1100),
        (b'{"a b":1}', -1100),
        (b'{"a":"\\u0000"}', -1100),
        (b'{"a":"\\ud800"}', -1100),
        (b'{"a":NaN}', -1100),
        (b"[]", -1100),
        (b"1", -1100),
        (b'"a"', -1100),
        (b"{", -1100),
        (b"", -1100),
        (b"\xff", -1100),
        (b'{"":1}', -1100),
        (json.dumps({f"p{i}": 1 for i in range(101)}).encode(), -1101),
    ],
)
def test_what_is_no_member_has_one_clear_answer(raw: bytes, code: int) -> None:
    with pytest.raises(ApiError) as caught:
        of_json(raw)
    assert caught.value.code == code


@given(st.recursive(st.integers() | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=9))
def test_members_are_counted_at_the_first_level_only(value: object) -> None:
    members = {'a:"{[': value, "b\\": value}
    assert count_members(json.dumps(members).encode()) == 2
