"""What is asked for as sections of a configuration: what an operator sets is checked as what a file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from lockstep.config import ConfigError, loader
from lockstep.config.checks import check
from lockstep.config.schema import AssetSection, Config, InstrumentSection, Section
from lockstep.core.operations.amounts import step_text
from lockstep.core.operations.directory import Directory
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.schema.records import Instrument

Section_ = TypeVar("Section_", bound=Section)


def section_of(cls: type[Section_], values: Mapping[str, Any]) -> Section_:
    """What is not None of `values`, as a section of the configuration. NotPossibleError with all that is wrong."""
    try:
        return loader.section(cls, {name: value for name, value in values.items() if value is not None})
    except ConfigError as error:
        raise NotPossibleError(str(error), error.problems[0].key) from None


def listed(directory: Directory, known: Instrument, named: Mapping[str, Any]) -> InstrumentSection:
    """A listed instrument as a section, with `named` keys besides. NotPossibleError."""
    return section_of(InstrumentSection, fixed_terms(directory, known) | {"matcher": known.matcher} | dict(named))


def fixed_terms(directory: Directory, known: Instrument) -> dict[str, Any]:
    """Return the fixed terms of a listed instrument, by the keys of its section."""
    return {
        "symbol": known.symbol.decode(),
        "base": directory.name_of_asset(known.base_asset)[0],
        "quote": directory.name_of_asset(known.quote_asset)[0],
        "tick": step_text(known.tick_mantissa, known.price_scale),
        "lot": step_text(known.lot_mantissa, known.quantity_scale),
    }


def must_be_right(directory: Directory, section: InstrumentSection) -> None:
    """NotPossibleError with all that the configuration's own checks find wrong with an instrument."""
    assets = [AssetSection(name=name.decode(), scale=scale) for name, (_, scale) in directory.assets.items()]
    key = f"instruments[{section.symbol}]"
    found = [problem for problem in check(Config(assets=assets, instruments=[section])) if problem.key.startswith(key)]
    if found:
        named = [problem.key.removeprefix(key).removeprefix(".") for problem in found]
        says = "\n".join(f"{name}: {problem.message}" for name, problem in zip(named, found, strict=True))
        raise NotPossibleError(says, named[0])
