"""``bin/manage search``: one question with its ranked passages, or a whole query set to a TREC run file.

It reads what any member of the tenant may read; documents kept for groups are searched only with ``--as-steward``.
A run has one line per document, by its best passage; ``--k`` counts documents there and passages elsewhere.
"""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError

from ingestion.models import Collection
from retrieval.answerability import CONSIDERED, answerability
from retrieval.errors import SearchRefused
from retrieval.filters import read_term
from retrieval.passages import EXPANSIONS, SIDES, Passage, SearchRequest, SearchResult
from retrieval.questions import MAX_CHARACTERS
from retrieval.runs import Query, Search, percentile, ranked_documents, read_queries, run_lines
from retrieval.search import search, search_as_steward
from tenants.people import UnknownTenant, tenant_by_slug
from tenants.scope import Principal, tenant_scope


class Command(BaseCommand):
    help = "Search a tenant's documents."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("query", nargs="?", help="the question")
        parser.add_argument("--tenant", required=True, help="slug of the tenant")
        parser.add_argument(
            "--collection", action="append", default=[], help="slug; repeatable; default: all"
        )
        parser.add_argument("--k", type=int, default=10, help="how many passages (default 10)")
        parser.add_argument(
            "--json", action="store_true", help="a JSON list; with --queries, a line per query"
        )
        parser.add_argument(
            "--explain",
            action="store_true",
            help="why each is where it is, and whether they answer",
        )
        parser.add_argument(
            "--as-steward", action="store_true", help="search documents kept for groups too"
        )
        parser.add_argument(
            "--side", choices=SIDES, default="hybrid", help="vectors or words alone"
        )
        parser.add_argument(
            "--filter", default="", help="which documents, as in 'type:pdf -tag:draft'"
        )
        parser.add_argument(
            "--rerank", action="store_true", help="let the tenant's reranker order the best anew"
        )
        parser.add_argument(
            "--expand", choices=EXPANSIONS, help="search for other wordings, or for the parts, too"
        )
        parser.add_argument("--queries", type=Path, help="a .jsonl file of queries (_id, text)")
        parser.add_argument("--run", type=Path, help="the TREC run file to write")
        parser.add_argument("--tag", default="footnote", help="the run's name (default footnote)")

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["query"] is None) == (options["queries"] is None):
            raise CommandError("Give either a question or --queries FILE.jsonl.")
        if options["queries"] is None and options["run"] is not None:
            raise CommandError("--run needs --queries.")
        if options["queries"] is not None and options["run"] is None and not options["json"]:
            raise CommandError("--queries needs --run OUT.trec, or --json for a line per query.")
        try:
            self._search(options)
        except (SearchRefused, UnknownTenant) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error

    def _search(self, options: dict[str, Any]) -> None:
        principal = Principal(tenant_by_slug(options["tenant"]).pk, reads_all=options["as_steward"])
        chosen = search_as_steward if options["as_steward"] else search

        def scoped(request: SearchRequest) -> SearchResult:
            return chosen(request, principal=principal)

        # Whether they answer is told by the first ten, however few are shown.
        judged = options["explain"] and options["run"] is None and options["k"] > 0
        limit = max(options["k"], CONSIDERED) if judged else options["k"]

        with tenant_scope(principal):
            collections = _collection_ids(options["collection"])
        asked = SearchRequest(
            options["query"] or "",
            collections,
            limit,
            explain=options["explain"],
            side=options["side"],
            filter=read_term(options["filter"]),
            rerank=options["rerank"],
            expand=options["expand"],
            plan=options["explain"] and not options["queries"] and not options["json"],
        )
        if options["run"]:
            self._run(asked, scoped, options)
        elif options["queries"]:
            self._lines(asked, scoped, options)
        else:
            self._answer(scoped(asked), options)

    def _answer(self, result: SearchResult, options: dict[str, Any]) -> None:
        for reason in result.degraded:
            self.stderr.write(f"degraded: {reason}")
        shown = result.passages[: options["k"]]
        if options["json"]:
            rows = rows_of(shown, explain=options["explain"])
            self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2))
            return
        for query in result.queries if options["explain"] else ():
            self.stdout.write(f"searched: {query}")
        for passage in shown:
            self.stdout.write(as_text(passage, explain=options["explain"]))
        if not result.passages:
            self.stdout.write("Nothing found.")
        elif options["explain"]:
            self.stdout.write(
                f"answerability {answerability(options['query'], result.passages):.2f}"
            )
        if options["explain"]:
            told = ", ".join(f"{name} {ms:.1f} ms" for name, ms in result.timings_ms.items())
            self.stdout.write(f"{told} (with the plan)\n{result.plan}")

    def _lines(self, asked: SearchRequest, scoped: Search, options: dict[str, Any]) -> None:
        for query in list(read_queries(options["queries"])):
            line: dict[str, Any] = {"_id": query.id}
            try:
                result = scoped(replace(asked, query=self._bounded(query)))
            except SearchRefused as error:
                line |= {"results": [], "refused": self._left_out(query, error)}
            else:
                shown = result.passages[: options["k"]]
                line["results"] = rows_of(shown, explain=options["explain"])
                if options["explain"]:
                    line["answerability"] = answerability(query.text, result.passages)
            self.stdout.write(json.dumps(line, ensure_ascii=False))

    def _run(self, asked: SearchRequest, scoped: Search, options: dict[str, Any]) -> None:
        queries = list(read_queries(options["queries"]))
        if not queries:
            raise CommandError(f"{options['queries']} holds no queries.")
        with options["run"].open("w", encoding="utf-8") as out:
            found = [self._one(asked, scoped, query, out, options["tag"]) for query in queries]
        timings = [timing for timing in found if timing is not None]
        left = len(found) - len(timings)
        told = f", {left} of them not searched (see above)" if left else ""
        self.stdout.write(f"{len(queries)} queries to {options['run']}{told}")
        total = [sum(timing.values()) for timing in timings]
        ranking = [timing["search"] for timing in timings]
        for name, values in (("in all", total), ("without embedding", ranking)):
            if values:
                p50, p95 = percentile(values, 0.5), percentile(values, 0.95)
                self.stdout.write(f"{name}: p50 {p50:.1f} ms, p95 {p95:.1f} ms")

    def _one(
        self, asked: SearchRequest, scoped: Search, query: Query, out: TextIO, tag: str
    ) -> dict[str, float] | None:
        """Search and write one; None for a question that cannot be asked, which costs the others nothing."""
        wanted = replace(asked, query=self._bounded(query))
        try:
            passages, result = ranked_documents(wanted, scoped)
        except SearchRefused as error:
            self._left_out(query, error)
            return None
        out.writelines(run_lines(query.id, passages, tag))
        if result.degraded:
            self._say(query, "; ".join(result.degraded))
        return result.timings_ms

    def _bounded(self, query: Query) -> str:
        """As much of a question as is searched; says so where that is not all of it."""
        if len(query.text) > MAX_CHARACTERS:
            length = len(query.text)
            self._say(query, f"{length} characters; the first {MAX_CHARACTERS} are searched")
        return query.text[:MAX_CHARACTERS]

    def _left_out(self, query: Query, error: SearchRefused) -> str:
        """Tell why a question is left out. Raises the error again when it is not the question's fault."""
        if error.field != "query":
            raise error
        self._say(query, error.message)
        return error.message

    def _say(self, query: Query, words: str) -> None:
        self.stderr.write(f"query {query.id}: {words}")


def _collection_ids(slugs: list[str]) -> tuple[Any, ...] | None:
    """The ids of these collections; none given: no choice made. Raises ``SearchRefused``."""
    found = dict(Collection.objects.filter(slug__in=slugs).values_list("slug", "id"))
    for slug in slugs:
        if slug not in found:
            raise SearchRefused("collection", f"There is no collection {slug!r}.")
    return tuple(found[slug] for slug in slugs) or None


def rows_of(passages: Sequence[Passage], *, explain: bool) -> list[dict[str, Any]]:
    """The passages in the contract's fields."""
    return [as_json(passage, explain=explain) for passage in passages]


def as_json(passage: Passage, *, explain: bool) -> dict[str, Any]:
    """A passage in the contract's fields."""
    row: dict[str, Any] = {
        "rank": passage.rank,
        "score": passage.score,
        "external_id": passage.external_id,
        "document_id": str(passage.document_id),
        "title": passage.title,
        "page": passage.page,
        "text": passage.text,
    }
    return row | {"explain": passage.explain.as_json()} if explain else row


def as_text(passage: Passage, *, explain: bool) -> str:
    """A passage for the eye: a line of where it is, and how it begins."""
    page = f", page {passage.page}" if passage.page else ""
    lines = [
        f"{passage.rank:3}. {passage.title or passage.external_id}{page}  ({passage.external_id})"
    ]
    if explain:
        lines.append(f"     {passage.explain}")
    lines.append(f"     {' '.join(passage.text.split())[:240]}")
    return "\n".join(lines)
