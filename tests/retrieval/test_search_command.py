"""``bin/manage search`` keeps its contract: JSON fields, run files, and errors that say what to do."""

import json
from io import StringIO
from itertools import pairwise
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from retrieval.runs import percentile, read_queries
from tests.retrieval.corpus import Corpus, axis

pytestmark = pytest.mark.usefixtures("database")
BLADES, LEAVE = "Turbine blades are inspected by borescope.", "Every employee has paid leave."


@pytest.fixture
def corpus(acme_corpus: Corpus) -> Corpus:
    manual = acme_corpus.collection("manual")
    acme_corpus.add(manual, BLADES, axis(0), name="engine/blades guide.pdf", page=4)
    acme_corpus.add(manual, LEAVE, axis(1), name="leave.pdf")
    return acme_corpus


def run(corpus: Corpus, *arguments: str) -> str:
    out = StringIO()
    call_command("search", *arguments, tenant=corpus.tenant.slug, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_json_has_the_fields_of_the_contract(corpus):
    (row,) = json.loads(run(corpus, "turbine blades", "--json"))
    assert set(row) == {"rank", "score", "external_id", "document_id", "title", "page", "text"}
    assert (row["rank"], row["external_id"], row["page"], row["text"]) == (
        1, "engine/blades guide.pdf", 4, BLADES,
    )  # fmt: skip


def test_people_read_where_it_is_and_why(corpus):
    said = run(corpus, "turbine blades", "--explain")
    assert "page 4" in said
    assert "lexical #1" in said
    assert "answerability" in said


def test_whether_there_is_an_answer_does_not_depend_on_how_many_are_shown(corpus):
    for number in range(12):
        corpus.add(corpus.collection(f"c{number}"), f"Blades, lot {number}.", axis(2))
    said = {k: run(corpus, "turbine blades", "--explain", "--k", k) for k in ("1", "3", "10")}
    told = {text.split("answerability ")[1].split("\n")[0] for text in said.values()}
    assert len(told) == 1
    assert [text.count("lexical #") for text in said.values()] == [1, 3, 10]


def test_nothing_found_is_said(corpus):
    assert "Nothing found." in run(corpus, "zebra")


def test_a_query_set_becomes_a_run_file(corpus, tmp_path):
    queries, out = tmp_path / "q.jsonl", tmp_path / "out.trec"
    rows = [{"_id": "q1", "text": "turbine blades"}, {"_id": "q2", "text": "employee leave"}]
    queries.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    said = run(corpus, "--queries", str(queries), "--run", str(out), "--k", "5", "--tag", "mine")
    lines = [line.split() for line in out.read_text().splitlines()]
    assert [(line[0], line[1], line[2], line[3], line[5]) for line in lines] == [
        ("q1", "Q0", "engine/blades_guide.pdf", "1", "mine"),
        ("q2", "Q0", "leave.pdf", "1", "mine"),
    ]
    assert "p50" in said
    assert "p95" in said


def test_a_run_ranks_documents_by_their_best_passage_in_falling_scores(acme_corpus, tmp_path):
    manual = acme_corpus.collection("manual")
    for number in range(30):
        acme_corpus.add(manual, BLADES + " Borescope." * (number % 3), name=f"d{number}")
    queries, out = tmp_path / "q.jsonl", tmp_path / "out.trec"
    queries.write_text(json.dumps({"_id": "1", "text": "borescope blades"}))
    run(acme_corpus, "--queries", str(queries), "--run", str(out), "--k", "20")
    lines = [line.split() for line in out.read_text().splitlines()]
    scores = [float(line[4]) for line in lines]
    assert len({line[2] for line in lines}) == len(lines) == 20
    assert all(before > after for before, after in pairwise(scores))


def test_documents_of_groups_need_a_steward(acme_corpus):
    acme_corpus.add(acme_corpus.collection("manual"), BLADES, axis(0), groups=[uuid4()])
    assert json.loads(run(acme_corpus, "turbine", "--json")) == []
    assert len(json.loads(run(acme_corpus, "turbine", "--json", "--as-steward"))) == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Give either a question or --queries"),
        (["x", "--queries", "q.jsonl", "--run", "r"], "Give either a question or --queries"),
        (["--queries", "q.jsonl"], "--queries needs --run"),
        (["x", "--run", "r"], "--run needs --queries"),
        (["--queries", "/nowhere/q.jsonl", "--run", "r"], "No such file"),
        (["x", "--collection", "nope"], "There is no collection 'nope'"),
        (["x", "--k", "0"], "limit must be between"),
        (["x", "--k", "0", "--explain"], "limit must be between"),
        ([" "], "query is empty"),
        (["x", "--filter", "type:pdf drafts"], "'drafts' is no filter"),
    ],
)
def test_what_is_wrong_is_said(corpus, arguments, complaint):
    with pytest.raises(CommandError, match=complaint):
        run(corpus, *arguments)


def test_an_unknown_tenant_is_named():
    with pytest.raises(CommandError, match="no tenant 'nobody-here'"):
        call_command("search", "x", tenant="nobody-here")


def test_a_question_that_cannot_be_asked_costs_the_others_nothing(corpus, tmp_path):
    queries, out, errors = tmp_path / "q.jsonl", tmp_path / "out.trec", StringIO()
    rows = [("blank", " "), ("fine", "turbine blades"), ("long", "turbine blades " * 900)]
    lines = [json.dumps({"_id": key, "text": text}) for key, text in rows]
    # As Windows writes it.
    queries.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    arguments = {"queries": queries, "run": out, "tenant": corpus.tenant.slug}
    said = StringIO()
    call_command("search", **arguments, stdout=said, stderr=errors)
    assert [line.split()[0] for line in out.read_text().splitlines()] == ["fine", "long"]
    assert "3 queries" in said.getvalue()
    assert "1 of them not searched" in said.getvalue()
    assert "query blank: The query is empty" in errors.getvalue()
    assert "query long: 13500 characters; the first 8000 are searched" in errors.getvalue()
    blank, fine, long = map(
        json.loads, run(corpus, "--queries", str(queries), "--json").splitlines()
    )
    assert (blank["results"], blank["refused"][:18]) == ([], "The query is empty")
    assert fine["results"]
    assert long["results"]


def test_a_name_stands_once_in_a_run(acme_corpus, tmp_path):
    for slug in ("manual", "archive"):
        acme_corpus.add(acme_corpus.collection(slug), BLADES, axis(0), name="blades.pdf")
    queries, out = tmp_path / "q.jsonl", tmp_path / "out.trec"
    queries.write_text(json.dumps({"_id": "1", "text": "borescope blades"}))
    run(acme_corpus, "--queries", str(queries), "--run", str(out))
    assert [line.split()[2] for line in out.read_text().splitlines()] == ["blades.pdf"]


def test_a_query_set_that_is_no_text_is_refused(corpus, tmp_path):
    queries = tmp_path / "q.jsonl"
    queries.write_bytes(b"\xff\xfe{")
    with pytest.raises(CommandError, match=r"q\.jsonl is not a text in UTF-8"):
        run(corpus, "--queries", str(queries), "--run", str(tmp_path / "out.trec"))
    assert not (tmp_path / "out.trec").exists()


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"_id": "1"}', '{"_id": "a b", "text": "x"}', '{"_id": "2", "text": null}',
     '{"_id": 1, "text": "again"}'],
)  # fmt: skip
def test_a_bad_line_of_a_query_set_is_named(tmp_path, line):
    path = tmp_path / "q.jsonl"
    path.write_text('{"_id": "1", "text": "fine"}\n' + line)
    with pytest.raises(Exception, match=r"q\.jsonl, line 2"):
        list(read_queries(path))


def test_percentiles_are_by_nearest_rank():
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile(list(range(1, 101)), 0.95) == 96
    assert percentile([7], 0.95) == 7
