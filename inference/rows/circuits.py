"""Models that are left alone for a while because they failed: what one process found out, for all of them."""

from django.db import models
from django.utils import timezone

from tenants.tables import TenantTable


class OpenCircuit(TenantTable):
    """A model whose circuit breaker is open, or half-open once ``open_until`` has passed. Closed ones have no row.

    ``endpoint`` is a fingerprint of address and key, so that a key that was replaced starts afresh; ``trip`` changes
    each time the breaker opens anew. Written when a breaker opens, is probed or closes; times are the database's.
    """

    provider = models.CharField(max_length=100)
    model = models.CharField(max_length=200)
    endpoint = models.CharField(max_length=32)
    trip = models.UUIDField()
    opened_at = models.DateTimeField()
    open_until = models.DateTimeField()
    open_for = models.FloatField()
    probing_until = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60)
    error = models.CharField(max_length=300, blank=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "provider", "model", "endpoint"], name="open_circuit_once"
            )
        ]

    @property
    def is_open(self) -> bool:
        """Not yet to be probed."""
        return self.open_until > timezone.now()

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"
