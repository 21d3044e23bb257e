"""What the API itself has to remember: requests that must not have their effect twice."""

from typing import ClassVar

from django.db import models

from tenants.tables import TenantTable


class IdempotentRequest(TenantTable):
    """The answer to a request that came with an ``Idempotency-Key``, stored with its effect in one transaction."""

    api_key_id = models.UUIDField()
    route = models.CharField(max_length=300)
    key = models.CharField(max_length=255)
    request_hash = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "api_key_id", "route", "key"], name="idempotent_request_once"
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "created_at"], name="idempotent_request_age")
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
