"""What the OpenAPI document says besides the views: how to authenticate, and the one shape of errors."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from api.errors import OPENAI_PATH

ERROR = {
    "type": "object",
    "description": "Every error under /api/. `code` is for machines, `message` for people.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "field": {"type": "string", "nullable": True},
                "details": {"type": "array", "items": {"type": "object"}},
            },
        }
    },
}
OPENAI_ERROR = {
    "type": "object",
    "description": "Every error under /v1/, in OpenAI's shape.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": "string", "nullable": True},
                "code": {"type": "string"},
            },
        }
    },
}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """``Authorization: Bearer fn_...``."""

    target_class = "api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A bearer token."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "fn_..."}


def with_errors(result: dict[str, Any], **_options: Any) -> dict[str, Any]:
    """Give each operation its error answer."""
    schemas = result["components"].setdefault("schemas", {})
    schemas |= {"Error": ERROR, "OpenAIError": OPENAI_ERROR}
    for path, operations in result["paths"].items():
        tag = "OpenAI-compatible" if path.startswith(OPENAI_PATH) else path.split("/")[3]
        name = "OpenAIError" if path.startswith(OPENAI_PATH) else "Error"
        reference = {"schema": {"$ref": f"#/components/schemas/{name}"}}
        for operation in operations.values():
            operation["tags"] = [tag.capitalize() if tag.islower() else tag]
            operation["responses"]["default"] = {
                "description": "Anything else",
                "content": {"application/json": reference},
            }
    return result
