"""What a claim is about: everything that the stages need to know of its runs, read once."""

from typing import Any

from django.db import connection

from inference import encryption
from ingestion import handover, statements, vectors
from ingestion.models import Collection, StoredFile
from ingestion.stages import Job
from ingestion.work import Claim

SQL = statements.load(__file__)


def jobs(claimed: Claim) -> list[Job]:
    """The jobs that are still this claim's, in the order of the queue, in the open tenant scope. Three statements."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"tenant": claimed.tenant_id, "token": claimed.token}
        cursor.execute(SQL["jobs"], {**values, "runs": claimed.run_ids})
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    collections = Collection.every.in_bulk({row["collection_id"] for row in rows})
    parents = handover.with_parts(row["document_id"] for row in rows)
    return [
        _job(row, collections[row["collection_id"]], has_parts=row["document_id"] in parents)
        for row in rows
    ]


def _job(row: dict[str, Any], collection: Collection, *, has_parts: bool) -> Job:
    file = StoredFile(tenant_id=collection.tenant_id, id=row["file_id"], size=row["size"])
    return Job(
        run_id=row["run_id"],
        document_id=row["document_id"],
        version_id=row["version_id"],
        external_id=row["external_id"],
        collection_id=collection.pk,
        profile=vectors.profile(collection),
        attempts=row["attempts"],
        filename=row["filename"],
        given_title=row["given_title"],
        media_type=row["media_type"],
        file=file,
        light=row["light"],
        # Only reading the file again tells which documents are found in this version of it.
        has_text=row["was_read"] and not has_parts,
        password=encryption.decrypt(row["sealed_password"]) or None,
    )
