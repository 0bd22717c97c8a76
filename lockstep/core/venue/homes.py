"""Which gateway each session is bound to: what the configuration says when it is new, and the same ever after.

A session's messages, and what it was told last, are in the store of its gateway alone: so it stays there
(decision 0041). This module knows names, and no gateway.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from lockstep.config.errors import ConfigError, Problem
from lockstep.config.schema import Config, GatewayNumber
from lockstep.core.files import atomic_file

FILE = "gateways.json"  # in the data folder: the number of each session's gateway, by its account's name
FIRST = 1  # where a session is of which nothing is said
OLDEST_GATEWAY = f"gateway.{FIRST}"  # there is always one of this name


def bind(config: Config, data: Path) -> dict[str, int]:
    """The gateway of each session that there is or has been, on disk. ConfigError if one is to be elsewhere; OSError.

    The caller holds the venue.
    """
    homes = wanted(config, data)
    if homes != read(data):
        atomic_file.replace_durably(data / FILE, msgspec.json.encode(homes))
    return homes


def wanted(config: Config, data: Path) -> dict[str, int]:
    """What `bind` would put on disk. ConfigError."""
    bound = read(data)
    homes = dict(bound or {})
    problems = []
    for account in config.accounts:
        before = homes.get(account.name, None if bound is not None else _before(data))
        home = before or account.gateway or FIRST
        if account.gateway not in (None, home):
            problems.append(
                Problem(
                    f"accounts[{account.name}].gateway",
                    f"is {account.gateway}, and its session has been at gateway {home}, which has its messages: "
                    f"sessions don't move; allowed is {home}",
                )
            )
        homes[account.name] = home
    away = sorted(name for name, home in homes.items() if home > config.fix.gateways)
    if away:
        problems.append(
            Problem(
                "fix.gateways",
                f"is {config.fix.gateways}, and session {away[0]} is at gateway {homes[away[0]]}: sessions don't move; "
                f"allowed is {max(homes.values())} at least",
            )
        )
    if problems:
        raise ConfigError(problems)
    return homes


def read(data: Path) -> dict[str, int] | None:
    """What the file says; None if there is none, and none is missed. ConfigError."""
    file = data / FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, GatewayNumber])
    except FileNotFoundError:
        if (data / f"gateway.{FIRST + 1}").exists():
            raise ConfigError([Problem("", f"{file} is missing: restore it (lockstep backup keeps it)")]) from None
        return None
    except OSError as error:
        raise ConfigError([Problem("", f"{file} can't be read: {error.strerror}")]) from None
    except ValueError:
        raise ConfigError([Problem("", f"{file} is damaged: restore it (lockstep backup keeps it)")]) from None


def _before(data: Path) -> int | None:
    """Where sessions are that a version without the file may have had: it had one gateway."""
    return FIRST if (data / OLDEST_GATEWAY).exists() else None
