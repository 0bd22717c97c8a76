"""What a text may be made of: held against Python's own idea of it, and the way out of older ids is one to one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lockstep.core.schema.alphabet import fault_of_id, fault_of_text, shown, unshown

ESCAPES = st.text("\\x5CFAa\0\xff\n \xc3\x80", max_size=12).map(lambda text: text.encode("latin-1"))
BYTES = st.binary(max_size=36) | ESCAPES


@given(BYTES)
@example(b" a")
@example(b"a ")
@example(b"a b")
def test_an_id_is_printable_ascii_without_spaces_at_its_ends(data: bytes) -> None:
    good = data != b"" and data == data.strip(b" ") and all(0x20 <= byte <= 0x7E for byte in data)
    assert (fault_of_id(data) == "") == good


@given(BYTES | st.text(max_size=12).map(str.encode))
@example("\U0010ffff\ud7ff\ue000".encode())
@example(b"\xed\xa0\x80")
@example(b"\xf4\x90\x80\x80")
@example(b"\xc0\xaf")
def test_a_text_is_utf_8_without_control_characters(data: bytes) -> None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    good = text != "" and not any(unicodedata.category(character) == "Cc" for character in text)
    assert (fault_of_text(data) == "") == good


@given(BYTES.map(lambda data: data.rstrip(b"\0")))
def test_what_is_shown_of_an_id_leads_back_to_it(data: bytes) -> None:
    text = shown(data)
    assert unshown(text) == data
    assert all(0x20 <= ord(character) <= 0x7E for character in text)
    if fault_of_id(data) == "" and b"\\x" not in data:
        assert text == data.decode()


def test_padding_is_not_shown_and_a_zero_inside_is() -> None:
    assert shown(b"A\0B\0\0") == "A\\x00B"
    assert shown(b"A\0C\0\0") == "A\\x00C"
    assert shown(b"\\xFF") == "\\x5CxFF"


@pytest.mark.parametrize("text", ["\\xf", "\\xGG", "\\xff", "\\x41", "é", "A\\x00"])
def test_what_no_id_is_shown_as_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no id|literal|range"):
        unshown(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        ("A\0B", "has the byte 0x00 at position 2: printable ASCII is allowed"),
        ("Ä", "has the byte 0xC3 at position 1: printable ASCII is allowed"),
        ("bank 1 ", "begins or ends with a space"),
    ],
)
def test_faults_say_where_and_what_is_allowed(text: str, fault: str) -> None:
    assert fault_of_id(text) == fault
