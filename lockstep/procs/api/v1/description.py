"""The description of /v1 as programs read it: Litestar's, in which every operation says how it answers what is wrong.

Whatever is wrong is one kind of answer, whichever its status: so it is described once, as the default.
"""

from __future__ import annotations

from typing import Any

from lockstep.core.operations.table import OPERATIONS
from lockstep.procs.api.v1.problems import MEDIA_TYPE

OWN = "400"  # that Litestar describes by itself, and nothing here answers so
TEXT = {"type": "string"}  # what it makes of an answer that a handler has written as JSON
JSON = "application/json"
# Bodies that a request may go without: one of an id alone, and those of operations that say so.
OPTIONAL_BODIES = {
    f"#/components/schemas/{name}" for name in ("Named", *(each.__name__ for each in OPERATIONS if not each.needs_body))
}
PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        "type": {"type": "string", "description": "where the code is explained"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "what is wrong, in words"},
        "instance": {"type": "string", "description": "the path that was asked for"},
        "code": {"type": "string", "description": "stable: it never changes its meaning"},
        "field": {"type": "string", "description": "what of the request is wrong, where it is one thing"},
        "number": {"type": "integer", "description": "the venue's reject code, where it has one"},
    },
    "additionalProperties": False,
}


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, with problems."""
    components = schema.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {"Problem": {"description": "What is wrong.", "content": content}}
    for operations in schema["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                responses = operation["responses"]
                responses.pop(OWN, None)
                for status, response in responses.items():
                    if status == "204":
                        response.pop("content", None)
                    elif response.get("content", {}).get(JSON, {}).get("schema") == TEXT:
                        response["content"][JSON]["schema"] = {}
                responses["default"] = {"$ref": "#/components/responses/Problem"}
                body = operation.get("requestBody", {})
                if body.get("content", {}).get(JSON, {}).get("schema", {}).get("$ref") in OPTIONAL_BODIES:
                    body["required"] = False
    return schema
