"""Files that a member attaches to a conversation: a private collection that only they can read.

It is restricted to the member's personal group, so that the row-level policies and the search function keep others
out, and it is in no administrator's list. The conversation searches it beside the others; deleting the conversation
deletes its documents, restoring it brings them back. All run in the member's scope; since a group that was made a
moment ago is not yet among the member's, documents are looked up as a steward, behind the check of whose collection
it is.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from chat.conversations import Missing, person
from chat.models import Conversation
from ingestion import collections, documents
from ingestion.documents import Upload, Uploaded
from ingestion.errors import UploadRefused
from ingestion.models import Collection, Document
from tenants import people
from tenants.identifiers import uuid7
from tenants.scope import Principal, tenant_scope

MOST = 50
Outcome = Uploaded | UploadRefused


def owned(collection_id: UUID, by: Principal) -> Collection:
    """The member's own private collection. Raises Missing."""
    with tenant_scope(by.as_steward()):
        own = Collection.every.filter(pk=collection_id, private_to=person(by))
        found: Collection | None = own.first()
    if found is None:
        raise Missing(f"attachments {collection_id}")
    return found


@transaction.atomic
def make(by: Principal) -> Collection:
    """An empty private collection."""
    group = people.personal_group()
    key = uuid7()
    with tenant_scope(by.as_steward()):
        return collections.create(
            slug=f"attached-{key}",
            name=str(_("Attached files")),
            id=key,
            reader_groups=[group.pk],
            private_to=person(by),
        )


def add(*, collection: Collection, files: Sequence[Upload], by: Principal) -> list[Outcome]:
    """Take files into it, each on its own merits. Raises ValidationError when there are too many."""
    with tenant_scope(by.as_steward()):
        there = Document.objects.filter(collection=collection, deleted_at=None).count()
        if there + len(files) > MOST:
            raise ValidationError(
                {"files": _("At most %(most)d files can be attached.") % {"most": MOST}}
            )
        return documents.upload_many(collection=collection, uploads=files)


def listed(collection: Collection, by: Principal) -> list[Document]:
    """The attached files, oldest first, without what was found inside them. Uses index: document_newest."""
    with tenant_scope(by.as_steward()):
        rows = Document.objects.filter(collection=collection, deleted_at=None, parent=None)
        return list(rows.order_by("created_at", "id"))


def remove(*, collection: Collection, document_id: UUID, by: Principal) -> None:
    """Take one file away. Raises Missing."""
    with tenant_scope(by.as_steward()):
        found = Document.objects.filter(collection=collection, pk=document_id, deleted_at=None)
        document = found.first()
        if document is None:
            raise Missing(f"document {document_id}")
        documents.delete(document=document)


def delete_all(conversation: Conversation, by: Principal) -> None:
    """With the conversation go its files; retention erases them."""
    if conversation.attachments_id is None:
        return
    collection = owned(conversation.attachments_id, by)
    with tenant_scope(by.as_steward()):
        documents.delete_many(document_ids=[row.pk for row in listed(collection, by)])


def restore_all(conversation: Conversation, by: Principal, *, since: datetime) -> None:
    """Bring back what went with the conversation, which was deleted at ``since``."""
    if conversation.attachments_id is None:
        return
    collection = owned(conversation.attachments_id, by)
    with tenant_scope(by.as_steward()):
        gone = Document.objects.filter(collection=collection, parent=None, deleted_at__gte=since)
        documents.restore_many(document_ids=gone.values_list("pk", flat=True))


def searched(conversation: Conversation, chosen: Sequence[UUID]) -> tuple[UUID, ...] | None:
    """What a question is asked of: the collections chosen (none: all shared ones) and the attached files."""
    if conversation.attachments_id is None:
        return tuple(chosen) or None
    shared = chosen or Collection.objects.values_list("pk", flat=True)
    return (*shared, conversation.attachments_id)
