"""One question to the api over a connection, and the JSON that answers it. It blocks."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any

PATIENCE_S = 10.0


def connection_to(host: str, port: int) -> http.client.HTTPConnection:
    """One that is made with the first question, and again where it has ended."""
    return http.client.HTTPConnection(host, port, timeout=PATIENCE_S)


def asked(
    connection: http.client.HTTPConnection, method: str, path: str, body: object = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[http.client.HTTPResponse, Any]:  # fmt: skip
    """The answer, and what it says: None where it says nothing. OSError, and then the connection is closed."""
    sent = None if body is None else json.dumps(body)
    try:
        connection.request(method, path, sent, dict(headers or {}))
        answer = connection.getresponse()
        read = answer.read()
        return answer, json.loads(read) if read else None
    except (http.client.HTTPException, ValueError) as error:
        connection.close()
        raise ConnectionError(
            f"{connection.host}:{connection.port}{path} does not answer as an api does: {error!r}"
        ) from None
    except OSError:
        connection.close()
        raise
