"""Access tokens: those of this venue's are good for ten minutes, and nothing else is."""

from __future__ import annotations

import base64
import json
import random

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from lockstep.core.venue.venue_key import VenueKey
from lockstep.procs.api.login.tokens import ALGORITHM, LIFETIME_S, TokenError, Tokens

NOW_S = 1_800_000_000
KEY = VenueKey(bytes(range(32)))
TOKENS = Tokens(KEY, "venue")


def claims(**changed: object) -> dict[str, object]:
    return {"iss": "venue", "sub": "7", "sid": "s", "iat": NOW_S, "exp": NOW_S + LIFETIME_S} | changed


def test_a_token_is_good_for_ten_minutes_on_every_node_of_the_venue() -> None:
    token = TOKENS.make("a-session", 7, NOW_S)
    assert Tokens(VenueKey(bytes(range(32))), "venue").session_of(token, NOW_S + 599) == "a-session"
    with pytest.raises(TokenError, match="expired"):
        TOKENS.session_of(token, NOW_S + 600)


def test_a_token_of_another_venue_or_key_is_none() -> None:
    token = TOKENS.make("a-session", 7, NOW_S)
    for other in (Tokens(KEY, "other"), Tokens(VenueKey(bytes(32)), "venue")):
        with pytest.raises(TokenError, match="no token"):
            other.session_of(token, NOW_S)


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"alg": "EdDSA"}, {"alg": ALGORITHM}])
def test_algorithm_and_key_are_pinned(header: dict[str, str]) -> None:
    """Signed by somebody else, or by nobody, or with our public key as if it were a secret."""
    own = json.loads(base64.urlsafe_b64decode(TOKENS.make("s", 7, NOW_S).split(".")[0] + "=="))
    header = header | {"kid": own["kid"], "typ": "at+jwt"}
    if header["alg"] == "none":
        parts = (json.dumps(part).encode() for part in (header, claims()))
        token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
    else:
        key = OctKey.generate_key(256) if header["alg"] == "HS256" else OKPKey.generate_key("Ed25519")
        token = jwt.encode(header, claims(), key, algorithms=[header["alg"]])
    with pytest.raises(TokenError):
        TOKENS.session_of(token, NOW_S)


def test_what_is_no_token_is_refused_whatever_it_is() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    token = TOKENS.make("a-session", 7, NOW_S)
    for _ in range(300):
        at = chance.randrange(len(token))
        changed = token[:at] + chance.choice("AZaz09_-.=é\0") + token[at + 1 :]
        if base64_equal(changed, token):
            continue
        with pytest.raises(TokenError):
            TOKENS.session_of(changed, NOW_S)
    for odd in ("", ".", "..", "a.b.c", "e30.e30.e30", token + ".", token * 2, "\0", "é" * 1000):
        with pytest.raises(TokenError):
            TOKENS.session_of(odd, NOW_S)


def base64_equal(one: str, other: str) -> bool:
    """Whether two texts stand for the same bytes: the last character of a part has bits that say nothing."""
    try:
        parts = [[base64.urlsafe_b64decode(part + "==") for part in text.split(".")] for text in (one, other)]
    except ValueError:
        return False
    return parts[0] == parts[1]


@pytest.mark.parametrize("changed", [{"exp": "later"}, {"exp": None}, {"sid": 7}, {"iss": "other"}])
def test_claims_that_make_no_sense_are_refused(changed: dict[str, object]) -> None:
    made = jwt.encode(TOKENS._header, claims(**changed), TOKENS._key, algorithms=[ALGORITHM])
    with pytest.raises(TokenError):
        TOKENS.session_of(made, NOW_S)
