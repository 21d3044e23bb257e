"""Prompts in the tenant's admin: versions, labels, differences, a preview with real passages, and how each has done.

Here and not beside the prompts' tables, because a preview searches.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from inference.models import Prompt, PromptLabel, PromptVersion
from inference.prompts import files, performance, versions
from inference.prompts.choosing import BUILT_IN, Chosen
from inference.prompts.errors import UnknownPrompt
from inference.prompts.files import PromptFile
from inference.prompts.kinds import JUDGE, KINDS, REWRITE
from inference.types import Message, PromptUsed
from orchestration import evidence, prompts
from orchestration.questions import Question
from retrieval.errors import SearchRefused
from tenants.admin_pages import TenantModelAdmin, asked_days
from tenants.scope import current_principal

PERIODS = (7, 30, 90)
WINDOW = 16_000
LONGEST_QUESTION = 2_000


@dataclass(frozen=True)
class Line:
    """One line of a difference: added, removed, or the same."""

    kind: str
    text: str


@admin.register(Prompt)
class PromptAdmin(TenantModelAdmin):
    """All prompts on one page, and a page for each."""

    def get_urls(self) -> list[URLPattern]:
        """Only our own: a prompt's rows are edited by nobody, versions are added and labels moved."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.list_view), name="inference_prompt_changelist"),
            path("<slug:prompt_name>/", view(self.page_view), name="inference_prompt_page"),
            path("<slug:prompt_name>/file/", view(self.file_view), name="inference_prompt_file"),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """Which prompts there are, and what answers now."""
        labels = PromptLabel.objects.select_related("version", "prompt")
        found = {(row.prompt.name, row.name): row for row in labels}
        rows = [
            {
                "kind": kind,
                "production": found.get((kind.name, "production")),
                "canary": found.get((kind.name, "canary")),
            }
            for kind in KINDS.values()
        ]
        return self._page(request, "admin/prompts/list.html", title=_("Prompts"), rows=rows)

    def page_view(self, request: HttpRequest, prompt_name: str) -> HttpResponse:
        """One prompt. POST adds a version, moves a label, or shows a preview."""
        if prompt_name not in KINDS:
            raise Http404
        if request.method == "POST":
            try:
                done = self._done(request, prompt_name)
            except (ValidationError, UnknownPrompt) as error:
                said = error.messages if isinstance(error, ValidationError) else [str(error)]
                for one in said:
                    messages.error(request, one)
                return self._prompt_page(request, prompt_name, text=request.POST.get("text"))
            return done
        return self._prompt_page(request, prompt_name)

    def _done(self, request: HttpRequest, name: str) -> HttpResponse:
        verb = request.POST.get("verb", "")
        if verb == "preview":
            given = files.read(request.POST.get("text", ""))
            question = request.POST.get("question", "")[:LONGEST_QUESTION]
            shown = preview(given, question)
            return self._prompt_page(
                request, name, text=files.write(given), preview=shown, question=question
            )
        if verb == "add":
            given = files.read(request.POST.get("text", ""))
            if given.prompt != name:
                raise ValidationError(_("The file is of another prompt: ") + given.prompt)
            row, new = versions.add(given)
            told = _("Version %(n)d is saved. It answers nobody until it has a label.")
            same = _("That is what version %(n)d says already.")
            messages.success(request, (told if new else same) % {"n": row.number})
        elif verb == "unlabel":
            versions.unlabel(prompt=name, name=request.POST.get("label", ""))
            messages.success(request, _("The label is gone."))
        else:
            self._label(request, name)
        return HttpResponseRedirect(reverse("admin:inference_prompt_page", args=[name]))

    def _label(self, request: HttpRequest, name: str) -> None:
        version = wanted_version(name, request.POST.get("version", ""))
        percent = request.POST.get("percent", "") or "100"
        if not percent.isdecimal():
            raise ValidationError({"percent": _("A percentage from 0 to 100.")})
        label = request.POST.get("label", "")
        versions.label(prompt=name, name=label, version=version, percent=int(percent))
        told = _("Version %(n)d of the prompt “%(prompt)s” has the label “%(label)s” now.")
        shipped = _(
            "The built-in version of the prompt “%(prompt)s” has the label “%(label)s” now."
        )
        named = {"n": version.number if version else 0, "prompt": name, "label": label}
        messages.success(request, (told if version else shipped) % named)

    def _prompt_page(
        self,
        request: HttpRequest,
        name: str,
        *,
        text: str | None = None,
        preview: list[Message] | None = None,
        question: str = "",
    ) -> HttpResponse:
        rows = versions.listed(name)
        shown = shown_file(name, request.GET.get("version", ""))
        against = shown_file(name, request.GET.get("against", BUILT_IN))
        days = asked_days(request, PERIODS)
        named = {UUID(str(row.pk)): str(row.number) for row in rows}
        named[files.built_in_id(name)] = BUILT_IN
        labels = {row.name: row for row in PromptLabel.objects.filter(prompt__name=name)}
        return self._page(
            request,
            "admin/prompts/prompt.html",
            title=name,
            kind=KINDS[name],
            versions=rows,
            labels=labels,
            built_in=BUILT_IN,
            chosen=request.GET.get("version", ""),
            against=request.GET.get("against", BUILT_IN),
            text=text if text is not None else files.write(shown),
            difference=difference(against, shown),
            preview=preview,
            question=question,
            days=days,
            periods=PERIODS,
            totals=_named(performance.by_version(list(named), days), named),
            daily=_named(performance.by_version(list(named), days, daily=True), named),
        )

    def file_view(self, request: HttpRequest, prompt_name: str) -> HttpResponse:
        """A version as a file."""
        if prompt_name not in KINDS:
            raise Http404
        told = files.write(shown_file(prompt_name, request.GET.get("version", "")))
        response = HttpResponse(told, content_type="text/markdown; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{prompt_name}.md"'
        return response

    def _page(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "is_fullwidth": "1"}
        return TemplateResponse(request, template, {**shared, **context})


def wanted_version(name: str, told: str) -> PromptVersion | None:
    """The version of that number; None for the shipped default. Raises ValidationError, UnknownPrompt."""
    if told == BUILT_IN:
        return None
    if not told.isdecimal():
        raise ValidationError({"version": _("Choose a version.")})
    return versions.numbered(name, int(told))


def shown_file(name: str, told: str) -> PromptFile:
    """The version asked for; what production says when none is, or when there is no such version."""
    try:
        row = wanted_version(name, told) if told else None
    except (ValidationError, UnknownPrompt):
        row, told = None, ""
    if row is not None:
        return versions.as_file(row)
    return files.built_in(name) if told else versions.current(name)


def difference(old: PromptFile, new: PromptFile) -> list[Line]:
    """What changed from one text to the other, with three lines around it; empty when nothing did."""
    kinds = {"+": "added", "-": "removed", "@": "place"}
    told = difflib.unified_diff(old.body.splitlines(), new.body.splitlines(), lineterm="", n=3)
    return [Line(kinds.get(line[:1], "same"), line) for line in list(told)[2:]]


def preview(given: PromptFile, asked: str) -> list[Message]:
    """The messages that a model would get for this question now (for `rewrite`: the last line, after a conversation).

    Raises ValidationError.
    """
    if not asked.strip():
        raise ValidationError({"question": _("Write a question to preview the prompt with.")})
    if given.prompt == REWRITE.name:
        *before, last = asked.strip().splitlines()
        return given.template.render({"conversation": "\n".join(before), "question": last})
    principal = current_principal().as_reader()
    question = Question(asked.strip(), feature="preview")
    try:
        place = evidence.place_of(question)
        found = evidence.gather(question, principal, place, window=WINDOW)
    except SearchRefused as error:
        raise ValidationError(error.message) from error
    if given.prompt == JUDGE.name:
        return given.template.render({"passages": found.context.text, "claim": asked.strip()})
    used = PromptUsed(given.prompt, files.built_in_id(given.prompt), "preview")
    return prompts.messages(Chosen(used, given.template), question, found.context.text)


def _named(
    rows: list[performance.Performance], named: dict[UUID, str]
) -> list[tuple[str, performance.Performance]]:
    return [(named[row.version_id], row) for row in rows]
