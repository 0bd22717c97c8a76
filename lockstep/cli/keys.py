"""`lockstep keys`: the API keys of a demo's accounts, whose secrets follow from their names.

It asks no venue. Secrets of other keys are shown once, where they are made.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec import Struct

from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, EXIT_PROBLEM, ConfigPath, Json, fail, load, print_json
from lockstep.core.rules import demo_keys
from lockstep.core.rules.demo_keys import DemoKey
from lockstep.core.schema.records import KeyKind


class KeyShown(Struct, frozen=True, omit_defaults=True):
    """An API key: `secret` of an HMAC key, `private_key` (PEM) of an ED25519 one."""

    account: str
    name: str
    kind: str
    secret: str = ""
    private_key: str = ""


def keys(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Print the API keys that the configuration gives to its accounts by demo_keys, with their secrets.

    They exist only where every address of the venue is loopback.

    Exit codes: 0 they are printed; 1 there are none; 2 the configuration is wrong.
    """
    loaded = load(config, secrets=False)
    found = [
        _shown(account.name, key)
        for account in loaded.accounts
        if account.demo_keys
        for key in demo_keys.of_account(account.name)
    ]
    if not found:
        reason = f"no account of {config} has demo_keys = true: keys of others are shown once, when they are made"
        return fail(reason, json=json, code=EXIT_PROBLEM)
    if json:
        print_json(found)
        return EXIT_OK
    for key in found:
        print(f"{key.name}  {key.kind}  {key.secret}" if key.secret else f"{key.name}  {key.kind}\n{key.private_key}")
    return EXIT_OK


def _shown(account: str, key: DemoKey) -> KeyShown:
    if key.kind == KeyKind.HMAC:
        return KeyShown(account, key.name, KeyKind.HMAC.name, secret=key.secret.decode())
    pem = key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return KeyShown(account, key.name, KeyKind.ED25519.name, private_key=pem)
