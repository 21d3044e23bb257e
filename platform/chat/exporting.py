"""A conversation as a Markdown file: the questions and answers of the shown branch, each answer with its sources."""

from collections.abc import Iterable, Iterator

from django.utils.formats import date_format
from django.utils.text import slugify
from django.utils.translation import gettext as _

from chat.models import Citation, Conversation, Message
from chat.showing import ShownMessage

LONGEST_NAME = 60


def filename(conversation: Conversation) -> str:
    """A name that every file system takes."""
    return f"{slugify(conversation.title)[:LONGEST_NAME].strip('-') or 'conversation'}.md"


def as_markdown(conversation: Conversation, thread: Iterable[ShownMessage]) -> str:
    """The text; what was stopped, broke off or failed says so."""
    parts = [f"# {' '.join(conversation.title.split())}"]
    for shown in thread:
        parts += _question(shown.message) if shown.is_question else _answer(shown)
    return "\n\n".join(parts) + "\n"


def _question(message: Message) -> Iterator[str]:
    asked = date_format(message.created_at, "DATETIME_FORMAT")
    yield f"## {_('Question')} · {asked}"
    yield "\n".join(f"> {line}" for line in message.text.splitlines())


def _answer(shown: ShownMessage) -> Iterator[str]:
    message = shown.message
    if message.text:
        yield message.text.strip()
    if message.state != Message.State.COMPLETE:
        yield f"*{message.get_state_display()}{': ' + message.reason if message.reason else ''}*"
    if shown.citations:
        yield "\n".join(_source(each) for each in shown.citations)


def _source(citation: Citation) -> str:
    title = _("Erased document") if citation.is_erased else citation.title
    page = f", {_('page %(page)s') % {'page': citation.page}}" if citation.page else ""
    quote = f": “{' '.join(citation.quote.split())}”" if citation.quote else ""
    return f"- [{citation.number}] {title}{page}{quote}"
