"""The prompt of an answer: a question and what was found for it, put into the version of the template that was chosen.

Passages are untrusted: they are numbered, fenced, and named as data. That makes answers better and attacks harder, and
is no protection to rely on; the reader's protection is that marks are validated and that nothing a model writes is run.
"""

import re

from inference.prompts.choosing import Chosen, choose
from inference.prompts.fences import defused
from inference.prompts.kinds import ANSWER
from inference.types import Message
from orchestration.questions import Author, Question
from retrieval.passages import Passage
from tenants.scope import Principal

# A model that finds nothing says exactly this, and the reader gets our own words for it.
NO_ANSWER = "NO ANSWER IN THE DOCUMENTS"
LONGEST_INSTRUCTIONS = 16_000
TURNS = 6
LONGEST_TURN = 2_000
_MARKS = re.compile(r"[ \t]*\[\d+\]")


def chosen_for(question: Question, principal: Principal) -> Chosen:
    """The version that answers this conversation (without one: this asker), in the open scope. One query."""
    sticky = question.conversation_id or principal.user_id or principal.api_key_id
    return choose(ANSWER.name, sticky=str(sticky))


def messages(chosen: Chosen, question: Question, context: str) -> list[Message]:
    """The whole prompt; ``context`` is what ``fenced`` made of the passages."""
    values = {
        "instructions": question.instructions.strip()[:LONGEST_INSTRUCTIONS],
        "no_answer": NO_ANSWER,
        "passages": context,
        "question": defused(question.text),
    }
    return chosen.template.render(values, [_told(*turn) for turn in question.history[-TURNS:]])


def _told(author: Author, text: str) -> Message:
    # Numbers of an earlier answer mean other passages than those of this one.
    return Message(author, _MARKS.sub("", text)[:LONGEST_TURN])


def fenced(number: int, passage: Passage) -> str:
    """One passage as a model reads it: its number, where it is from, its text, and a fence that it cannot close."""
    page = f' page="{passage.page}"' if passage.page is not None else ""
    heading = (
        f' heading="{_attribute(" > ".join(passage.heading_path))}"' if passage.heading_path else ""
    )
    title = _attribute(passage.title)
    return f'<passage n="{number}" title="{title}"{page}{heading}>\n{defused(passage.text)}\n</passage>'


def _attribute(text: str) -> str:
    return defused(text).replace('"', "'").replace("\n", " ")
