"""The one error of this library: what the venue says, and what to do about it."""

from __future__ import annotations

from typing import Any

NO_ANSWER = "NO_ANSWER"
GARBLED = "GARBLED"
UNKNOWN = ("OUTCOME_UNKNOWN", -1007)
ASK_FIRST = "It may have been carried out: ask by its client order id, then send it again under the same id."
ADVICE: dict[int | str, str] = {
    -1021: "Set this machine's clock, or sign with a larger recvWindow.",
    -1022: "Check the secret, and that what is sent is what was signed.",
    "PROOF_NEEDED": "Prove again who you are (V1.prove), then repeat it.",
    "LOGIN_FAILED": "Check name, password and code; each wrong try has to wait longer.",
    "TOO_OLD": "Subscribe without a position: the images and what follows are whole.",
    GARBLED: "Check that this is the address of a venue, and of the right one of its ports.",
    NO_ANSWER: ASK_FIRST,
    **dict.fromkeys(UNKNOWN, ASK_FIRST),
}
BY_STATUS = {
    401: "Log in again; of a key, check that it lives, and its scopes and addresses.",
    403: "Ask as an account whose role allows this.",
    418: "Wait for Retry-After seconds, and send less.",
    429: "Wait for Retry-After seconds, and send less.",
    503: "Nothing was done: send it again in a moment.",
}


class VenueError(Exception):
    """A request that the venue refuses or doesn't answer.

    `code` never changes its meaning: a word of `/v1` or of FIX, or a number of Binance's dialect. `text` says what is
    wrong, `advice` what to do. `status` is HTTP's, 0 where there is none; `said` is all of the answer.
    """

    def __init__(self, code: int | str, text: str, status: int = 0, said: dict[str, Any] | None = None) -> None:
        self.code = code
        self.text = text
        self.status = status
        self.said = said or {}
        self.advice = ADVICE.get(code) or BY_STATUS.get(status) or "Change what is wrong, then send it again."
        super().__init__(f"{code}: {text} {self.advice}")

    @property
    def is_unknown(self) -> bool:
        """Whether what was sent may have been carried out."""
        return self.code == NO_ANSWER or self.code in UNKNOWN or (self.status >= 500 and self.status != 503)
