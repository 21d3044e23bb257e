"""All routes of the product, found by walking the URL map, so that a new one cannot be forgotten."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

# Open to everybody, each with its reason. Anything else must turn a stranger away.
OPEN = {
    "healthz": "liveness for the load balancer",
    "readyz": "readiness for the load balancer",
    "metrics": "Prometheus; holds no tenant's data",
    "sign-in": "where strangers sign in",
    "logout": "sends them there",
    "switch-tenant": "a tenant that is not the asker's does not exist: 404, also for strangers",
    "api/schema/": "the API's description",
    "api/docs/": "the API's description, to read",
    "i18n/jsi18n/": "translated strings",
}


@dataclass(frozen=True)
class Route:
    """One URL pattern; ``path`` keeps its placeholders as ``<name>``."""

    path: str
    parameters: tuple[str, ...]
    pattern: URLPattern

    def filled(self, values: dict[str, str]) -> str:
        """A URL of this route. Raises KeyError for a parameter that has no value."""
        return "/" + re.sub(r"<(\w+)>", lambda match: values[match[1]], self.path)


def routes() -> list[Route]:
    """Every route, in the order of the map."""
    return list(_walk(get_resolver(), ""))


def _walk(resolver: URLResolver, prefix: str) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        path = prefix + _plain(str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from _walk(entry, path)
        else:
            yield Route(path, tuple(re.findall(r"<(\w+)>", path)), entry)


def _plain(pattern: str) -> str:
    """``<uuid:pk>`` and ``(?P<pk>...)`` both as ``<pk>``; anchors and escapes gone."""
    plain = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", pattern) if "(?P" not in pattern else pattern
    plain = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"<\1>", plain)
    return plain.replace("^", "").replace("$", "").replace("\\Z", "").replace("\\", "")
