"""A person at the venue's own API (`/v1`): logs in, stays so, and asks. It blocks; the others give it a thread."""

from __future__ import annotations

import http
import threading
from typing import Any

from lockstep.cli.demo.http_json import asked, connection_to


class ProblemError(Exception):
    """The venue answers with a problem; the message is its code, and what it says."""

    def __init__(self, status: int, said: Any) -> None:
        said = said if isinstance(said, dict) else {}
        super().__init__(f"{said.get('code', status)}: {said.get('detail', '')}")
        self.status = status
        self.code = str(said.get("code", ""))


class Person:
    """One account, over one connection that is made again where it has ended."""

    def __init__(self, host: str, port: int, name: str, password: str) -> None:
        self.name = name
        self.password = password
        self._connection = connection_to(host, port)
        self._token = self._cookie = ""
        self._lock = threading.Lock()

    def log_out(self) -> None:
        """End the session, and the connection. ProblemError, OSError."""
        with self._lock:
            try:
                if self._token:
                    self._take("POST", "/auth/logout", None)
            finally:
                self._token = self._cookie = ""
                self._connection.close()

    def prove(self) -> None:
        """That it is still oneself, as operators must. ProblemError, OSError."""
        self.ask("POST", "/auth/step-up", {"password": self.password})

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What /v1 answers. ProblemError, OSError; what was sent may have been done where neither is a 4xx."""
        with self._lock:
            if self._token:
                try:
                    return self._take(method, path, body)
                except ProblemError as error:
                    if error.status != http.HTTPStatus.UNAUTHORIZED:
                        raise
            self._begin()
            return self._take(method, path, body)

    def _begin(self) -> None:
        """An access token: another one of this session where there is one, as each lasts ten minutes."""
        self._token = ""
        if self._cookie:
            try:
                self._take("POST", "/auth/refresh", None)
                return
            except ProblemError:
                self._cookie = ""
        self._take("POST", "/auth/login", {"name": self.name, "password": self.password})

    def _take(self, method: str, path: str, body: object) -> Any:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if self._cookie and path.startswith("/auth/"):
            headers["Cookie"] = self._cookie
        answer, said = asked(self._connection, method, f"/v1{path}", body, headers)
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise ProblemError(answer.status, said)
        if cookie := answer.getheader("Set-Cookie"):
            self._cookie = cookie.partition(";")[0]
        if isinstance(said, dict) and "access_token" in said:
            self._token = said["access_token"]
        return said
