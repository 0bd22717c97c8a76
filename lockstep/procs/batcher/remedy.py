"""What a person can do about a database that refuses the venue, worked out from its message.

It only gives advice; the venue tries again by itself in any case.
"""

from __future__ import annotations

import psycopg

# What a server or libpq says when a connection fails, which has no SQLSTATE then; the first that fits counts.
REMEDIES = (
    (
        ("password authentication failed", "no password supplied"),
        "give the role this password (ALTER ROLE … PASSWORD), or stop the venue and put the right one in database.url",
    ),
    (("no pg_hba.conf entry",), "admit the role from this host in the server's pg_hba.conf, and reload that"),
    (
        ('FATAL:  role "', "not permitted to log in"),
        "make the role (createuser --pwprompt ROLE) or let it log in (ALTER ROLE … LOGIN)",
    ),
    (('FATAL:  database "',), "make the database (createdb --owner ROLE DATABASE), or restore it"),
)
OWN = "let the role own the database and all in it (ALTER DATABASE … OWNER TO, ALTER TABLE … OWNER TO), or GRANT it"


def remedy(error: Exception) -> str:
    """What to do about it; "" if unknown."""
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return OWN
    if isinstance(error, psycopg.OperationalError):
        said = str(error)
        return next((todo for words, todo in REMEDIES if any(word in said for word in words)), "")
    return ""


def with_remedy(error: Exception) -> str:
    """What went wrong in one line, and what to do, where that is known."""
    reason, todo = " ".join(str(error).split()), remedy(error)
    return f"{reason}; {todo}" if todo else reason
