"""A person at the venue's own API: logs in, keeps the token and the cookie, and reads problems."""

from __future__ import annotations

import json
from typing import Any

from lockstep import VenueError, run
from lockstep.client.http import Http


class ProblemError(VenueError):
    """The venue refused: status, code, and all that it said."""

    def __init__(self, status: int, said: dict[str, Any]) -> None:
        super().__init__(said["code"], said["detail"], status, said)
        self.field = said.get("field")


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
        self._http = Http(f"http://127.0.0.1:{port}")

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """What is answered. ProblemError, ConnectionError."""
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.cookie:
            headers["Cookie"] = self.cookie
        if body is not None:
            headers["Content-Type"] = "application/json"
        sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            answer = run(self._http.send(method, f"/v1{path}", sent, headers))
        except VenueError as error:
            raise ConnectionError(error.text) from error
        self._http.cookies.clear()  # `cookie` is what this browser has, which may be a stolen one
        self.headers = dict(answer.headers)
        said: Any = json.loads(answer.content) if answer.content else None
        if answer.is_error:
            assert self.headers["content-type"] == "application/problem+json", answer.content
            assert said["status"] == answer.status_code
            raise (AwayError if answer.status_code == 503 else ProblemError)(answer.status_code, said)
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
