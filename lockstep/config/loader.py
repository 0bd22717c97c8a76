"""Loads a configuration file and says everything that is wrong with it in one go.

It reads one file and never changes it; what the file may hold is `config.schema`'s and `config.checks`' business.
"""

from __future__ import annotations

import difflib
import tomllib
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import inspect, structs

from lockstep.config.checks import check
from lockstep.config.credentials import Credentials
from lockstep.config.errors import ConfigError, Problem
from lockstep.config.schema import Config, Section

Table = TypeVar("Table", bound=Section)
SHOWN_CHARS = 60  # of a refused value
OWN_FOLDER = Path(__file__).resolve().parent  # demo.toml and other examples


def load(path: Path | str, *, secrets: bool = True) -> Config:
    """The configuration in the TOML file `path`, checked, its data folder made absolute and its credentials read.

    Without `secrets`, what a credential can't be read for is unknown (`config.credentials`), and no problem.

    A relative `venue.data` starts at the file's folder; that of an example in this package at the current folder.
    ConfigError lists every wrong key and value.
    """
    file = Path(path)
    raw = _read(file)
    credentials = Credentials(file, needed=secrets)
    problems = _problems(raw, Config, "") or credentials.put_in(raw)
    if problems:
        raise ConfigError(problems, file)
    config = msgspec.convert(raw, Config)
    problems = check(config, credentials.shielded)
    if problems:
        raise ConfigError(problems, file)
    folder = file.resolve().parent
    data = _data_folder(Path.cwd() if folder == OWN_FOLDER else folder, config.venue.data, file)
    return structs.replace(config, venue=structs.replace(config.venue, data=str(data)))


def _data_folder(base: Path, name: str, file: Path) -> Path:
    """Where `venue.data` is, absolute. ConfigError if no folder can be there."""
    try:
        data = (base / name).resolve()
        there = next(each for each in (data, *data.parents) if each.exists())
    except (OSError, ValueError) as error:
        raise ConfigError([Problem("venue.data", f"is {_show(name)}, which is no path: {error}")], file) from None
    if not there.is_dir():
        raise ConfigError([Problem("venue.data", f"is {data}, and {there} is a file; allowed is a folder")], file)
    return data


def section(wanted: type[Table], raw: dict[str, Any]) -> Table:
    """`raw` as a section of that kind, of which no other is known. ConfigError lists every wrong key and value."""
    problems = _table_problems(raw, wanted, "")
    if problems:
        raise ConfigError(problems)
    return msgspec.convert(raw, wanted)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([Problem("", f"the file can't be read: {error.strerror}")], file) from None
    except UnicodeDecodeError:
        raise ConfigError([Problem("", "the file is not UTF-8 text")], file) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Problem("", f"this is not TOML: {error}")], file) from None


def _problems(value: Any, wanted: Any, key: str) -> list[Problem]:
    """What keeps `value` from being a `wanted` (a Section, a list or dict of something, or a leaf's type)."""
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        (inner,) = (part for part in arguments if part is not NoneType)
        return _problems(value, inner, key)
    if origin is Annotated and get_origin(arguments[0]) is list:
        return _problems(value, arguments[0], key) or _leaf_problems(value, wanted, key, "is")
    if isinstance(wanted, type) and issubclass(wanted, Section):
        return _table_problems(value, wanted, key)
    if origin is list:
        if not isinstance(value, list):
            return [Problem(key, f"is {_show(value)}; allowed is {_describe(wanted)}")]
        items = [(f"{key}[{_label(item, number)}]", item) for number, item in enumerate(value, 1)]
        return [problem for where, item in items for problem in _problems(item, arguments[0], where)]
    if origin is dict:
        if not isinstance(value, dict):
            return [Problem(key, f"is {_show(value)}; allowed is a table")]
        names = [problem for name in value for problem in _leaf_problems(name, arguments[0], key, "has the key")]
        return names + [p for name, item in value.items() for p in _problems(item, arguments[1], f"{key}.{name}")]
    return _leaf_problems(value, wanted, key, "is")


def _table_problems(value: Any, section: type[Section], key: str) -> list[Problem]:
    if not isinstance(value, dict):
        return [Problem(key, f"is {_show(value)}; allowed is a table")]
    prefix = f"{key}." if key else ""
    hints, required = _keys(section)
    problems = [
        Problem(prefix + name, f"is missing: it must be {_describe(hints[name])}")
        for name in required
        if name not in value
    ]
    for name, item in value.items():
        if name in hints:
            problems += _problems(item, hints[name], prefix + name)
        else:
            problems.append(Problem(prefix + name, _unknown(name, list(hints))))
    return problems


@cache
def _keys(section: type[Section]) -> tuple[dict[str, Any], list[str]]:
    """The type of each key of a section, and the keys that must be there. A file has a section for each instrument."""
    required = [field.name for field in structs.fields(section) if field.required]
    return get_type_hints(section, include_extras=True), required


def _leaf_problems(value: Any, wanted: Any, key: str, verb: str) -> list[Problem]:
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return [Problem(key, f"{verb} {_show(value)}; allowed is {_describe(wanted)}")]
    return []


def _unknown(name: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(name, allowed, 1)
    if near:
        return f"there is no such key; did you mean {near[0]}?"
    return f"there is no such key; allowed are {', '.join(allowed)}"


def _label(item: Any, number: int) -> str:
    """How an item of a list is called: by its name where it has one, else by its place from 1."""
    name = item.get("symbol", item.get("name")) if isinstance(item, dict) else None
    return name if isinstance(name, str) else f"#{number}"


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"


def _describe(wanted: Any) -> str:
    """In words, what values the type `wanted` allows."""
    return _words(inspect.type_info(wanted))


def _words(info: inspect.Type) -> str:
    match info:
        case inspect.Metadata():
            described = (info.extra_json_schema or {}).get("description")
            return str(described) if described else _words(info.type)
        case inspect.LiteralType():
            return "one of " + ", ".join(str(value) for value in info.values)
        case inspect.IntType():
            return f"a whole number from {info.ge} to {info.le}"
        case inspect.FloatType():
            return f"a number from {info.ge:g} to {info.le:g}"
        case inspect.UnionType():
            return " or ".join(_words(part) for part in info.types if not isinstance(part, inspect.NoneType))
        case inspect.ListType():
            bound = f" of at most {info.max_length} items" if info.max_length is not None else ""
            return f"a list{bound}, each item {_words(info.item_type)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType() if info.max_length is not None:
            return f"a text of at most {info.max_length} characters"
        case inspect.StrType():
            return "a text in quotes"
        case _:
            return "a table"
