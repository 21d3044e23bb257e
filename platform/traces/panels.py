"""What packages above this one add to a trace's page.

Traces know nothing of the ledger or of chats; a package that does registers a panel when Django loads its admin:
``panels.add(ledger_panel)``, a function from a trace to a ``Panel``, or None when it has nothing to say.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from traces.models import Trace


@dataclass(frozen=True)
class Panel:
    """A titled part of the page: ``template`` is rendered with ``context`` as ``panel.context``."""

    key: str
    title: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)


Maker = Callable[[Trace], Panel | None]
_makers: list[Maker] = []


def add(maker: Maker) -> Maker:
    """Register a panel; usable as a decorator."""
    _makers.append(maker)
    return maker


def panels_of(trace: Trace) -> list[Panel]:
    """The panels that have something to say about this trace, in the order of registration."""
    return [panel for maker in _makers if (panel := maker(trace)) is not None]
