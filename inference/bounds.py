"""What a call can cost at most, before it is made.

No token of any known tokenizer is shorter than a byte, so that the prompt's bytes bound its tokens without counting
them; what is no text (an image's address) is taken for a full context window. The answer is bounded by the limit of
tokens that is sent along, which is chosen from what the budget grants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from inference.prices import SMALLEST
from inference.providers.provider import ResolvedModel
from inference.types import Message, Usage

# Of an answer whose length nobody limited: so much at most, and no more than a part of what the budget has left, so
# that one call does not hold all of it while others wait.
MOST_OUTPUT = 16_384
SHARE = Decimal("0.125")
# What cannot pay for this many tokens buys no answer worth having.
FEWEST_OUTPUT = 256
# The chat format's own tokens per message, generously.
BYTES_PER_MESSAGE = 16
BYTES_PER_TOKEN = 4


@dataclass(frozen=True)
class Bound:
    """Tokens and USD of one call at most. ``least``: below it the call is not worth making."""

    model: ResolvedModel
    prompt_tokens: int
    output_tokens: int
    answers: int = 1
    least: Decimal = Decimal(0)
    want: Decimal = Decimal(0)
    share: Decimal = Decimal(1)

    @property
    def estimated_prompt(self) -> int:
        """Tokens that the prompt probably has: what a rate limit counts beforehand."""
        return max(1, self.prompt_tokens // BYTES_PER_TOKEN)

    def affordable(self, granted: Decimal) -> int:
        """The tokens per answer that the granted amount pays for, whatever the provider does within them."""
        if granted >= self.want:
            return self.output_tokens
        base = _most(self.model, self.prompt_tokens, 0)
        per_token = (self.want - base) / (self.output_tokens * self.answers)
        tokens = int((granted - base) / per_token) // self.answers if per_token > 0 else 0
        while tokens > 1 and _most(self.model, self.prompt_tokens, tokens * self.answers) > granted:
            tokens -= 1
        return max(1, tokens)


def of_chat(model: ResolvedModel, messages: Sequence[Message], max_tokens: int | None) -> Bound:
    """The bound of a chat call."""
    size = sum(len(one.content.encode()) + BYTES_PER_MESSAGE for one in messages)
    return of_prompt(model, size, max_tokens)


def of_prompt(
    model: ResolvedModel, prompt_bytes: int, max_tokens: int | None, *, answers: int = 1
) -> Bound:
    """The bound of a prompt of so many bytes and ``answers`` answers to it."""
    prompt = min(prompt_bytes, model.context_window)
    output = min(max_tokens or MOST_OUTPUT, model.context_window)
    fewest = min(output, FEWEST_OUTPUT)
    return Bound(
        model=model,
        prompt_tokens=prompt,
        output_tokens=output,
        answers=answers,
        least=_most(model, prompt, fewest * answers),
        want=_most(model, prompt, output * answers),
        share=Decimal(1) if max_tokens else SHARE,
    )


def of_texts(model: ResolvedModel, texts: Sequence[str]) -> Bound:
    """The bound of embedding the texts."""
    size = sum(len(text.encode()) + BYTES_PER_MESSAGE for text in texts)
    cost = _most(model, size, 0)
    return Bound(model=model, prompt_tokens=size, output_tokens=0, least=cost, want=cost)


def _most(model: ResolvedModel, prompt: int, output: int) -> Decimal:
    """The dearest that these tokens can be, rounded up; zero for a model that costs nothing."""
    found = max(model.cost(Usage(prompt, output)), model.cost(Usage(prompt, output, prompt)))
    return found + SMALLEST if found else found
