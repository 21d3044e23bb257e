"""Bytes of uploads."""

from django.db import models

from tenants.tables import TenantForeignKey, TenantTable


class StoredFile(TenantTable):
    """Bytes kept in Postgres, in blocks of 1 MB, so that one dump is everything."""

    sha256 = models.BinaryField(max_length=32)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        indexes = [models.Index(fields=["tenant", "sha256"], name="stored_file_hash")]

    def __str__(self) -> str:
        return f"{self.size} bytes"


class FileBlock(TenantTable):
    """One block of a stored file."""

    file = TenantForeignKey(StoredFile, on_delete=models.CASCADE, related_name="blocks")
    ordinal = models.IntegerField()
    data = models.BinaryField()

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "file", "ordinal"], name="file_block_once")
        ]

    def __str__(self) -> str:
        return f"block {self.ordinal}"
