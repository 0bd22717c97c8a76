"""Who may give a command: the owner of the venue's data folder, or root, which becomes that user. Others are refused.

So no other user makes anything in that folder, and the venue's user finds no file that it can't open. It looks only at
the folder, and changes only the process's user.
"""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

from lockstep.cli.errors import UsageError


def act_as_owner(data: Path) -> None:
    """If root, continue as the owner of the folder; if there is no folder yet, as the present user. UsageError."""
    try:
        owner = data.stat().st_uid
    except FileNotFoundError:
        return
    except PermissionError as error:
        raise UsageError(refusal(error)) from None
    if os.geteuid() == 0 and owner != 0:
        _become(owner, data)
    elif not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        mend = "chmod u+rwx opens it" if owner == os.geteuid() else f"give this command as {_name(owner)}, or as root"
        raise UsageError(f"{data} belongs to {_name(owner)}, and is closed to you: {mend}")


def refusal(error: PermissionError) -> str:
    """One line for a file that could not be opened, with what to do."""
    if error.filename is None:
        return f"{error.strerror or error}: give this command as the venue's user"
    path = Path(os.fsdecode(error.filename))
    try:
        whose = f"belongs to {_name(path.stat().st_uid)}"
    except OSError:
        whose = f"is not to be opened by {_name(os.geteuid())}"
    return f"{path} {whose}: give this command as the venue's user, who must own all of venue.data (chown -R mends it)"


def _become(user: int, data: Path) -> None:
    """For good: with the user's groups and home, as if it had logged in."""
    try:
        known = pwd.getpwuid(user)
        os.initgroups(known.pw_name, known.pw_gid)
        os.setgid(known.pw_gid)
        os.environ.update(HOME=known.pw_dir, USER=known.pw_name, LOGNAME=known.pw_name)
    except KeyError:  # a container's folder may belong to a number
        os.setgroups([])
        os.setgid(data.stat().st_gid)
    os.setuid(user)
    if not os.access(sys.executable, os.R_OK | os.X_OK):
        raise UsageError(
            f"{data} belongs to {_name(user)}, who can't run {sys.executable}: install it where both can read it, "
            "or give the folder to root"
        )


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
