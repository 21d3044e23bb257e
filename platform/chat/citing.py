"""What answers hold on to: the chat's side of ``ingestion.citing``.

An erased document's quotes are wiped wherever the chat has kept them: in citations, in the stored events of a stream,
in the nearest passages of a refusal. Citations stay, without a passage: the answer says that its source was erased.
"""

from collections.abc import Sequence
from uuid import UUID

from django.urls import reverse

from chat import page_images
from chat.models import Citation, Message
from ingestion import statements
from ingestion.citing import Erased, Place, Places
from ingestion.models import Chunk
from tenants.scope import Principal

SHOWN = 20
SQL = statements.load(__file__)


class Citations:
    """The citations of all conversations of the tenant."""

    def cited_versions(self, version_ids: Sequence[UUID]) -> set[UUID]:
        """Those that an answer cites whose conversation nobody has deleted; one query."""
        return {row[0] for row in SQL.fetch("cited_versions", versions=list(version_ids))}

    def forget(self, erased: Erased) -> None:
        """Wipe every quote; one look at the tenant's refusals, the rest by index."""
        chunks = list(erased.chunk_ids)
        answers = [row[0] for row in SQL.fetch("release_citations", chunks=chunks)]
        documents = [str(key) for key in erased.document_ids]
        answers += [row[0] for row in SQL.fetch("wipe_nearest", documents=documents)]
        SQL.run("wipe_events", messages=answers, documents=documents)
        page_images.forget(erased.version_ids)

    def places(self, document_id: UUID, viewer: Principal) -> Places:
        """How often it is cited, and the viewer's own answers that cite it, newest first."""
        chunks = Chunk.objects.filter(document_id=document_id).values("id")
        citations = Citation.objects.filter(chunk_id__in=chunks)
        own = Message.objects.filter(
            citations__in=citations,
            conversation__user_id=viewer.user_id,
            conversation__deleted_at=None,
        ).select_related("conversation")
        shown = own.order_by("-created_at").distinct()[:SHOWN] if viewer.user_id else []
        return Places(citations.count(), [_place(answer) for answer in shown])


def _place(answer: Message) -> Place:
    return Place(str(answer.conversation), reverse("message", args=[answer.pk]))
