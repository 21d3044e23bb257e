"""The same rows, questions and Postgres for LangChain and LlamaIndex: asked by ``search_latency``."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from psycopg.conninfo import conninfo_to_dict

from retrieval.query_embedding import embedded_question
from tenants.scope import Principal

Answers = dict[str, Any]


@contextmanager
def peers(python: str, folder: Path, tenant: UUID, asked: list[str]) -> Iterator["Peers"]:
    """Both, filled with the tenant's chunks and waiting to be asked."""
    parts = _database(f"footnote_{folder.name}", folder, tenant, asked)
    environment = os.environ | {"PEERS_DATABASE": json.dumps(parts)}
    command = [python, str(Path(__file__).with_name("peers.py")), str(folder)]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Peers(process)
    finally:
        process.communicate()


def _database(name: str, folder: Path, tenant: UUID, asked: list[str]) -> dict[str, str]:
    """How the peers connect to a database of their own, which stays for the next run."""
    owner_url = os.environ["SUPERUSER_DATABASE_URL"]
    parts = {key: str(value) for key, value in conninfo_to_dict(owner_url).items()}
    found = parts | {"dbname": name.replace("-", "_")}
    with psycopg.connect(owner_url, autocommit=True) as owner:
        _export(owner, folder, tenant, asked)
        known = "SELECT FROM pg_database WHERE datname = %s"
        if owner.execute(known, [found["dbname"]]).fetchone() is None:
            owner.execute(f"CREATE DATABASE {found['dbname']}")
    with psycopg.connect(**found, autocommit=True) as made:  # type: ignore[arg-type]
        made.execute("CREATE EXTENSION IF NOT EXISTS vector")
    return found


class Peers:
    """The process in which they run."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin
        assert process.stdout
        self.asking, self.answering = process.stdin, process.stdout
        if self.answering.readline() != "ready\n":
            raise SystemExit("the peers did not start: see above")

    def answers(self) -> Answers:
        """By library: ``walls`` in ms, and ``found``, the names for each question."""
        self.asking.write("go\n")
        self.asking.flush()
        return dict(json.loads(self.answering.readline()))


def _export(owner: psycopg.Connection[Any], folder: Path, tenant: UUID, asked: list[str]) -> None:
    """Every chunk with its document's name, its text and its vector, and the questions with theirs."""
    folder.mkdir(parents=True, exist_ok=True)
    vectors = []
    with (folder / "rows.jsonl").open("w") as out, owner.transaction():
        cursor = owner.cursor("export")
        cursor.execute(
            "SELECT d.external_id, c.text, e.vector::text FROM ingestion_chunk c"
            " JOIN ingestion_document d ON d.tenant_id = c.tenant_id AND d.id = c.document_id"
            " JOIN ingestion_embedding e ON e.tenant_id = c.tenant_id AND e.id = c.id"
            " WHERE c.tenant_id = %s",
            [tenant],
        )
        for name, text, vector in cursor:
            out.write(json.dumps([name, text]) + "\n")
            vectors.append(np.fromstring(vector[1:-1], sep=",", dtype=np.float32))
    np.save(folder / "rows.npy", np.array(vectors))
    (folder / "questions.jsonl").write_text("".join(json.dumps(text) + "\n" for text in asked))
    found = [embedded_question(text, Principal(tenant)).vector for text in asked]
    assert all(found), "a question was not embedded"
    np.save(folder / "questions.npy", [v.to_numpy().astype(np.float32) for v in found if v])
