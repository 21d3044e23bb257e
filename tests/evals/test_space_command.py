"""``bin/manage space`` from a second space to the switch and back, on judged questions."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.ingestion.workshop import Workshop


def space(*words: str) -> str:
    told = StringIO()
    call_command("space", *words, stdout=told)
    return told.getvalue()


def test_a_space_is_added_filled_compared_switched_to_left_and_dropped(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.ingest("pump.md", "The pump is oiled by Ada every Monday.")
    workshop.ingest("boiler.md", "The boiler is cleaned by Bob in spring.")
    queries, qrels = tmp_path / "queries.jsonl", tmp_path / "qrels.tsv"
    queries.write_text('{"_id": "1", "text": "Who oils the pump?"}\n')
    qrels.write_text("query-id\tcorpus-id\tscore\n1\tpump.md\t1\n")
    of = ("--tenant", workshop.tenant.slug)
    at = (*of, "--model", "minilm@256")
    assert "2 passages" in space("add", *at)
    assert "0 of 2 passages" in space("list", *of)
    assert space("fill", *at).endswith("complete\n")
    told = space("compare", *at, "--queries", str(queries), "--qrels", str(qrels))
    assert told.count("nDCG@10 1.000") == 2
    assert (
        "minilm" in space("compare", *at, "--queries", str(queries), "--qrels", str(qrels)).lower()
    )
    assert "256 serves" in space("switch", *at)
    assert "serves again" in space("rollback", *of)
    assert "2 vectors deleted" in space("drop", *at)


def test_what_is_not_there_is_named(workshop: Workshop) -> None:
    workshop.ingest("pump.md", "The pump is oiled by Ada every Monday.")
    with pytest.raises(CommandError, match=r"no space 'minilm@128'. Spaces: minilm"):
        space("switch", "--tenant", workshop.tenant.slug, "--model", "minilm@128")
    with pytest.raises(CommandError, match="no other space has served"):
        space("rollback", "--tenant", workshop.tenant.slug)
