"""Codes of password resets, as people read and type them."""

from __future__ import annotations

import pytest

from lockstep.core.rules.reset_codes import code_of, hash_of, new_code, text_of


def test_a_code_is_read_however_it_is_typed() -> None:
    code = new_code()
    text = text_of(code)
    assert len(text.replace("-", "")) == 26
    assert code_of(text) == code_of(text.lower()) == code_of(f" {text.replace('-', ' ')} ") == code
    assert len({new_code() for _ in range(9)}) == 9
    assert len(hash_of(code)) == 16
    assert hash_of(code) != hash_of(code[::-1])


@pytest.mark.parametrize("text", ["", "AAAA", "1" * 26, "ä" * 26, "A" * 25, "A" * 32, "A" * 10_000])
def test_what_is_no_code_is_an_empty_one(text: str) -> None:
    assert code_of(text) == b""
