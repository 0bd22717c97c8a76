"""A client of `/v1/stream` that keeps all that it is told, and goes on behind it on another connection."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

PATIENCE_S = 30
RETRY_S = 0.05


class StreamError(Exception):
    """A request is refused: `code`, and all that was said."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__(str(said))
        self.code = said["code"]
        self.said = said


class StreamClient:
    """Its `events` are as they came, without images and heartbeats; `position` is behind all of them."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token
        self.events: list[str] = []
        self.images: list[dict[str, Any]] = []
        self.beats: list[dict[str, Any]] = []
        self.ended: list[dict[str, Any]] = []
        self.position = ""
        self.answers: dict[int, dict[str, Any]] = {}
        self.resumed = 0
        self._number = 0
        self.socket: ClientConnection = self._connected()

    def _connected(self) -> ClientConnection:
        """A connection, once the port is open; logged in, where there is a token."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.socket = connect(f"ws://127.0.0.1:{self.port}/v1/stream", max_size=None, legacy=True)
                break
            except (OSError, WebSocketException):
                assert time.monotonic() < deadline, "the port stays shut"
                time.sleep(RETRY_S)  # nothing tells a client that a port is open again
        return self.socket

    def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        """The answer to a request. StreamError; OSError, WebSocketException where the connection ends."""
        self._number += 1
        self.socket.send(json.dumps({"id": self._number, "method": method, **parameters}))
        while self._number not in self.answers:
            self.take()
        answer = self.answers.pop(self._number)
        if "error" in answer:
            raise StreamError(answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def log_in(self) -> dict[str, Any]:
        return self.ask("login", token=self.token)

    def begin(self, *channels: str) -> None:
        """Log in and subscribe, and wait for all images."""
        self.log_in()
        assert self.ask("subscribe", channels=channels) == {"channels": list(channels)}
        while {image["channel"] for image in self.images if image["is_last"]} < set(channels):
            self.take()

    def resume(self, channels: Iterable[str]) -> None:
        """Connect anew, as often as it takes, and go on behind all that was told."""
        while True:
            self.socket.close()
            try:
                self._connected()
                self.log_in()
                self.ask("subscribe", channels=list(channels), resume=self.position)
            except (OSError, WebSocketException):
                continue
            self.resumed += 1
            return

    def follow(self, channels: Iterable[str]) -> None:
        """One message, or another connection where this one has ended."""
        try:
            self.take()
        except (OSError, WebSocketException):
            self.resume(channels)

    def take(self) -> None:
        """One message. OSError, WebSocketException, TimeoutError."""
        text = str(self.socket.recv(timeout=PATIENCE_S))
        message = json.loads(text)
        if "channel" not in message:
            self.answers[message["id"]] = message
        elif message["channel"] == "heartbeat":
            self.beats.append(message)
            self.position = message["position"]
        elif message.get("event") == "ended":
            self.ended.append(message)
        elif "image" in message:
            self.images.append(message)
            self.position = message["position"]
        else:
            assert message["position"] > self.position, (message, self.position)
            self.events.append(text)
            self.position = message["position"]

    def catch_up(self, channels: Iterable[str]) -> None:
        """Follow until all that is committed by now has been told."""
        since_ms = time.time_ns() // 10**6
        while (
            not self.beats or self.beats[-1]["time"] < since_ms or self.beats[-1]["seq"] < self.beats[-1]["committed"]
        ):
            assert time.time_ns() // 10**6 < since_ms + 1000 * PATIENCE_S, self.beats[-1:]
            self.follow(channels)
