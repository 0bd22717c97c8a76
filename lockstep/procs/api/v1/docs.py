"""`/docs`: the OpenAPI description of /v1 as a page, made here: it needs no script, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from lockstep.core.intake.codes import TABLE

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
h2 { border-bottom: 1px solid; margin-top: 3rem; }
code, dt { font-family: ui-monospace, monospace; }
section { margin: 2rem 0; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid #8888; padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top; }
""".strip()
METHODS = ("get", "post", "put", "delete")


def page(schema: dict[str, Any]) -> str:
    """The page of an OpenAPI description."""
    name = escape(schema["info"]["title"])
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>{name}</title><link rel="stylesheet" href="/docs/style.css"></head><body>',
        f"<h1>{name}</h1><p>{escape(schema['info'].get('description', ''))}</p>",
        '<p>As OpenAPI 3.1: <a href="/v1/openapi.json">/v1/openapi.json</a></p>',
        *_requests(schema),
        "<h2>What is sent and answered</h2>",
        *_types(schema),
        '<h2>Codes</h2><p>What the venue refuses has one of these in <code>code</code>.</p><table>',
        *(f'<tr id="{code.name}"><td><code>{code.name}</code></td><td>{escape(row.meaning)}</td></tr>'
          for code, row in TABLE.items()),
        "</table></body></html>",
    ]  # fmt: skip
    return "\n".join(parts)


def _requests(schema: dict[str, Any]) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, methods in sorted(schema["paths"].items()):
        for method in METHODS:
            if method in methods:
                asked = methods[method]
                by_tag.setdefault(asked.get("tags", ["more"])[0], []).append(_request(path, method, asked))
    for tag, requests in by_tag.items():
        yield f"<h2>{escape(tag)}</h2>"
        yield from requests


def _request(path: str, method: str, asked: dict[str, Any]) -> str:
    rows = [
        (each["name"], _type(each["schema"]), "yes" if each.get("required") else "")
        for each in asked.get("parameters", [])
    ]
    body = asked.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None:
        rows.append(("body", _type(body), "yes"))
    for status, answer in asked["responses"].items():
        content = answer.get("content", {}).get("application/json", {}).get("schema")
        if status.startswith("2"):
            rows.append((f"answers {status}", _type(content) if content else "nothing", ""))
    table = "".join(f"<tr><td><code>{escape(n)}</code></td><td>{t}</td><td>{r}</td></tr>" for n, t, r in rows)
    said = escape(asked.get("description") or asked.get("summary", ""))
    return (
        f"<section><h3><code>{method.upper()} {escape(path)}</code></h3><p>{said}</p>"
        f"<table><tr><th>name</th><th>type</th><th>needed</th></tr>{table}</table></section>"
    )


def _types(schema: dict[str, Any]) -> Iterator[str]:
    for name, type in sorted(schema.get("components", {}).get("schemas", {}).items()):
        needed = set(type.get("required", ()))
        rows = "".join(
            f"<tr><td><code>{escape(field)}</code></td><td>{_type(each)}</td>"
            f"<td>{'yes' if field in needed else ''}</td></tr>"
            for field, each in type.get("properties", {}).items()
        )
        said = escape(type.get("description", ""))
        yield f'<section id="{escape(name)}"><h3>{escape(name)}</h3><p>{said}</p><table>{rows}</table></section>'


def _type(schema: dict[str, Any]) -> str:
    """A type, in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return " or ".join(_type(each) for each in schema[word])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    said = escape(str(schema.get("description", "")))
    return f"{escape(str(schema.get('type', '')))}{f' ({said})' if said else ''}"
