"""What one event loop keeps open for the lean way."""

from __future__ import annotations

from dataclasses import dataclass, field

from inference.clients import Clients, shared
from inference.passthrough.accounts import Accounts
from inference.passthrough.wire import Connections


@dataclass
class Lane:
    """Connections to the database and to providers belong to a loop."""

    accounts: Accounts = field(default_factory=Accounts)
    connections: Connections = field(default_factory=Connections)

    @property
    def clients(self) -> Clients:
        """The process's: for its circuit breakers and its retry policy."""
        return shared()
