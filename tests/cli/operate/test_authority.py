"""Who may act as an operator is known by name and password, and a wrong one learns nothing."""

from __future__ import annotations

import pytest

from lockstep.cli.operate.authority import NotAuthorisedError, authenticate
from lockstep.core.operations.directory import Directory
from tests.operations.test_directory import of_two


@pytest.fixture(scope="module")
def directory() -> Directory:
    return of_two()


def test_an_operator_is_known_by_its_password(directory: Directory) -> None:
    assert authenticate(directory, "CHIEF", "CHIEF secret") == 2


@pytest.mark.parametrize(("name", "password"), [("CHIEF", "wrong"), ("NOBODY", "CHIEF secret")])
def test_a_wrong_name_and_a_wrong_password_sound_alike(directory: Directory, name: str, password: str) -> None:
    with pytest.raises(NotAuthorisedError, match=f"^{name} is not known here by this password$"):
        authenticate(directory, name, password)


def test_a_trader_is_told_who_operates(directory: Directory) -> None:
    with pytest.raises(NotAuthorisedError, match="TRADER is no operator: operators are CHIEF"):
        authenticate(directory, "TRADER", "TRADER secret")
