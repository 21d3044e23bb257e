"""What a member does: each view checks the form, makes one call, and answers the script or the plain form.

A script (``Accept: application/json`` or htmx) gets what it needs to go on; a form without one gets a redirect.
"""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chat import attachments, conversations, pages, turns
from chat.guards import asker, in_scope
from tenants.identifiers import uuid_or_none


@require_POST
@in_scope
def ask_first(request: HttpRequest) -> HttpResponse:
    """The first question: makes the conversation."""
    try:
        turn = turns.open_conversation(
            text=request.POST.get("suggestion") or request.POST.get("text", ""),
            collection_ids=chosen_collections(request),
            by=asker(request),
            attachments_id=attached_files(request),
        )
    except ValidationError as error:
        return refused(request, error, reverse("home"))
    return gone_to(request, turn.question.conversation_id)


@require_POST
@in_scope
def ask(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """A further question, after the message ``parent``."""
    by = asker(request)
    conversation = conversations.get(conversation_id, by)
    parent_id = uuid_or_none(request.POST.get("parent"))
    parent = conversations.message(parent_id, by) if parent_id else None
    if parent is not None and parent.conversation_id != conversation.pk:
        raise conversations.Missing("parent")
    conversation.attachments_id = attached_files(request) or conversation.attachments_id
    try:
        turn = turns.start(
            conversation=conversation,
            text=request.POST.get("text", ""),
            collection_ids=chosen_collections(request),
            by=by,
            parent=parent,
        )
    except ValidationError as error:
        return refused(request, error, reverse("conversation", args=[conversation_id]))
    if wants_data(request):
        return pages.message_fragment(request, turn.question, turn.answer)
    return gone_to(request, conversation_id)


@require_POST
@in_scope
def edit(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Ask a question differently."""
    question = conversations.message(message_id, asker(request))
    try:
        turns.edit(question=question, text=request.POST.get("text", ""), by=asker(request))
    except ValidationError as error:
        return refused(request, error, reverse("conversation", args=[question.conversation_id]))
    return gone_to(request, question.conversation_id)


@require_POST
@in_scope
def regenerate(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Another answer to the same question."""
    answer = conversations.message(message_id, asker(request))
    try:
        turns.regenerate(
            answer=answer, by=asker(request), model=request.POST.get("model", "")[:200]
        )
    except ValidationError as error:
        return refused(request, error, reverse("conversation", args=[answer.conversation_id]))
    return gone_to(request, answer.conversation_id)


@require_POST
@in_scope
def stop(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Stop an answer; one that has ended stays as it is."""
    answer = conversations.message(message_id, asker(request))
    turns.stop(answer=answer)
    if wants_data(request):
        return HttpResponse(status=204)
    return gone_to(request, answer.conversation_id)


@require_POST
@in_scope
def rate(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """A thumb, and perhaps why."""
    answer = conversations.message(message_id, asker(request))
    score = {"1": 1, "-1": -1}.get(request.POST.get("score", ""), 0)
    try:
        rating = turns.rate(
            answer=answer, score=score, comment=request.POST.get("comment", ""), by=asker(request)
        )
    except ValidationError as error:
        return refused(request, error, reverse("conversation", args=[answer.conversation_id]))
    if not wants_data(request):
        return gone_to(request, answer.conversation_id)
    return render(
        request, "chat/_rating.html", {"message": answer, "rating": rating, "fresh": True}
    )


@require_POST
@in_scope
def rename(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Another title."""
    conversation = conversations.get(conversation_id, asker(request))
    try:
        conversations.rename(conversation=conversation, title=request.POST.get("title", ""))
    except ValidationError as error:
        return refused(request, error, reverse("conversation", args=[conversation_id]))
    if wants_data(request):
        return JsonResponse({"title": conversation.title})
    return gone_to(request, conversation_id)


@require_POST
@in_scope
def delete(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Out of sight; ``restore`` undoes it."""
    conversation = conversations.get(conversation_id, asker(request))
    conversations.delete(conversation=conversation)
    attachments.delete_all(conversation, asker(request))
    if wants_data(request):
        return HttpResponse(status=204)
    return redirect("home")


@require_POST
@in_scope
def restore(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Undo a deletion."""
    conversation, since = conversations.restore(conversation_id=conversation_id, by=asker(request))
    if since:
        attachments.restore_all(conversation, asker(request), since=since)
    if wants_data(request):
        return HttpResponse(status=204)
    return gone_to(request, conversation_id)


def chosen_collections(request: HttpRequest) -> list[UUID]:
    """The ids of the form's collections. Raises ValidationError for what is no id."""
    found = [uuid_or_none(each) for each in request.POST.getlist("collections")]
    if None in found:
        raise ValidationError({"collections": "A collection's id is malformed."})
    return [each for each in found if each is not None]


def attached_files(request: HttpRequest) -> UUID | None:
    """The private collection that the form names, if it is the member's own. Raises Missing."""
    given = uuid_or_none(request.POST.get("attachments"))
    return attachments.owned(given, asker(request)).pk if given else None


def wants_data(request: HttpRequest) -> bool:
    """Was this sent by our script, and not by a plain form?"""
    return request.headers.get("X-Requested-With") == "footnote" or "HX-Request" in request.headers


def gone_to(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """To the conversation, at its end."""
    url = reverse("conversation", args=[conversation_id])
    return JsonResponse({"url": url}) if wants_data(request) else redirect(f"{url}#end")


def refused(request: HttpRequest, error: ValidationError, back: str) -> HttpResponse:
    """Why nothing was done: beside the field for a script, on the page for a form."""
    said = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    if wants_data(request):
        return JsonResponse({"errors": said}, status=422)
    for problem in (each for problems in said.values() for each in problems):
        messages.error(request, problem)
    return redirect(back)
