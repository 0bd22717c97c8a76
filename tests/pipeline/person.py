"""A person at the venue's own API: logs in, keeps the token and the cookie, and reads problems."""

from __future__ import annotations

import http.client
import json
from typing import Any

PATIENCE_S = 30


class ProblemError(Exception):
    """The venue refused: status, code, and all that it said."""

    def __init__(self, status: int, said: dict[str, Any]) -> None:
        super().__init__(f"{status} {said}")
        self.status = status
        self.code = said["code"]
        self.field = said.get("field")
        self.said = said


class AwayError(ProblemError):
    """The venue can't answer now: it was asked too early."""


class Person:
    """One browser."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.token = ""
        self.cookie = ""
        self.set_cookie = ""
        self.headers: dict[str, str] = {}
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """What is answered. ProblemError, OSError, http.client.HTTPException."""
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.cookie:
            headers["Cookie"] = self.cookie
        if body is not None:
            headers["Content-Type"] = "application/json"
        sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        try:
            self._connection.request(method, f"/v1{path}", sent, headers)
            answer = self._connection.getresponse()
            read = answer.read()
        except BaseException:
            self._connection.close()
            raise
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        said: Any = json.loads(read) if read else None
        if answer.status >= 400:
            assert self.headers["content-type"] == "application/problem+json", read
            assert said["status"] == answer.status
            raise (AwayError if answer.status == 503 else ProblemError)(answer.status, said)
        if "set-cookie" in self.headers:
            self.set_cookie = self.headers["set-cookie"]
            self.cookie = self.set_cookie.split(";")[0]
        if isinstance(said, dict) and "access_token" in said:
            self.token = said["access_token"]
        return said

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def post(self, path: str, **body: object) -> Any:
        return self.ask("POST", path, body)

    def put(self, path: str, **body: object) -> Any:
        return self.ask("PUT", path, body)

    def delete(self, path: str) -> Any:
        return self.ask("DELETE", path)

    def end_other_sessions(self) -> None:
        for session in self.get("/auth/sessions"):
            if not session["is_this"]:
                self.delete(f"/auth/sessions/{session['id']}")

    def log_in(self, name: str, password: str, code: str = "") -> Any:
        return self.post("/auth/login", name=name, password=password, **({"code": code} if code else {}))

    def prove(self, password: str = "", code: str = "") -> Any:
        return self.post("/auth/step-up", password=password, code=code)
