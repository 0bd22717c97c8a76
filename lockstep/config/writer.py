"""Writes a configuration as a file that `config.load` reads as the same again.

It keeps no comment. What the schema has by default is written too: another build may have other defaults.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import structs

from lockstep.config.schema import Config, Section


def text_of(config: Config) -> str:
    """The configuration as TOML."""
    lines: list[str] = []
    for name, value in _said(config).items():
        for table in value if isinstance(value, list) else [value]:
            lines += ["", f"[[{name}]]" if isinstance(value, list) else f"[{name}]"]
            lines += [f"{key} = {_inline(item)}" for key, item in table.items()]
    return "\n".join(lines).lstrip() + "\n"


def _said(section: Section) -> dict[str, Any]:
    """What a section says, by key: all but what is None, which a file can't say."""
    values = ((field.encode_name, getattr(section, field.name)) for field in structs.fields(section))
    return {name: _plain(value) for name, value in values if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Section):
        return _said(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return msgspec.to_builtins(value)


def _inline(value: Any) -> str:
    """A value on one line. A text in JSON is one in TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_inline(key)} = {_inline(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
