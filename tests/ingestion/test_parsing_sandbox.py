"""A file is read by a process that cannot hurt this one."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.parsing import sandbox
from ingestion.parsing.errors import PermanentParseError, RetryableParseError
from ingestion.parsing.types import Parsed, ParseLimits
from tests.ingestion.papers import PROSE, make_pdf, make_zip, written

LIMITS = ParseLimits(cpu_seconds=5, wall_seconds=10)


@pytest.fixture(autouse=True)
def _own_processes() -> Iterator[None]:
    yield
    sandbox.close_all()


def parse(path: Path, limits: ParseLimits = LIMITS) -> Parsed:
    return sandbox.parse(path, filename=path.name, media_type=None, limits=limits)


def refused(path: Path, limits: ParseLimits = LIMITS) -> PermanentParseError:
    with pytest.raises(PermanentParseError) as caught:
        parse(path, limits)
    assert caught.value.message
    assert caught.value.remedy
    assert not caught.value.retryable
    return caught.value


def test_a_file_comes_back_as_text_with_exact_spans(tmp_path: Path) -> None:
    path = written(tmp_path / "notes.md", f"# Pumps\n\n{PROSE}\n")
    document = parse(path)
    assert [document.text[b.start : b.end] for b in document.blocks] == ["Pumps", PROSE]
    assert document.title == "Pumps"
    assert document.media_type == "text/markdown"


def test_the_second_file_needs_no_new_process(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", PROSE)
    parse(path)
    first = sandbox._idle[0]
    parse(path)
    assert sandbox._idle == [first]


def test_files_parsed_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{n}.txt", f"file number {n}") for n in range(6)]
    found: dict[Path, str] = {}

    def work(path: Path) -> None:
        found[path] = parse(path).text

    threads = [threading.Thread(target=work, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {path: f"file number {n}" for n, path in enumerate(paths)}


def test_no_secret_reaches_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    environment = sandbox._environment()
    assert "secret" not in "".join(environment.values())
    assert "HOME" not in environment


def test_the_child_has_no_network_where_the_kernel_allows(tmp_path: Path) -> None:
    parse(written(tmp_path / "a.txt", PROSE))
    server = sandbox._idle[0]
    if server.network != "none":
        pytest.skip("this kernel lets nobody make a network namespace")
    own = os.readlink("/proc/self/ns/net")
    assert os.readlink(f"/proc/{server._process.pid}/ns/net") != own


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (replace(LIMITS, file_bytes=10), "too_large"),
        (replace(LIMITS, output_bytes=64), "limit_output"),
        (replace(LIMITS, text_chars=20), "limit_output"),
    ],
)
def test_sizes_are_bounded(tmp_path: Path, limits: ParseLimits, code: str) -> None:
    assert refused(written(tmp_path / "a.txt", PROSE), limits).code == code


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    assert refused(written(tmp_path / "a.pdf", b"")).code == "empty_file"


def test_a_missing_file_can_be_retried(tmp_path: Path) -> None:
    with pytest.raises(RetryableParseError):
        parse(tmp_path / "gone.txt")


def test_too_much_memory_ends_the_child_and_not_us(tmp_path: Path) -> None:
    bomb = make_zip(
        tmp_path / "bomb.docx",
        {
            "[Content_Types].xml": b"wordprocessingml.document.main+xml",
            "word/document.xml": b"<a>" + b"x" * 200_000_000 + b"</a>",
        },
    )
    limits = replace(LIMITS, memory_bytes=300 * 2**20, member_ratio=10**9)
    assert refused(bomb, limits).code in ("limit_memory", "corrupt")
    assert parse(written(tmp_path / "a.txt", PROSE)).text == PROSE


def test_an_endless_parser_is_stopped_by_its_processor_time(tmp_path: Path) -> None:
    slow = written(
        tmp_path / "slow.md", "|a" * 40_000 + "\n" + "|-" * 40_000 + "\n" + "|b\n" * 40_000
    )
    started = time.monotonic()
    assert refused(slow, replace(LIMITS, cpu_seconds=1)).code == "limit_time"
    assert time.monotonic() - started < 8


def test_a_child_that_only_waits_is_stopped_by_the_clock(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    with pytest.raises(PermanentParseError) as caught:
        sandbox._judge(
            sandbox._ask(
                {
                    "data_path": str(pipe),
                    "filename": "pipe.txt",
                    "media_type": None,
                    "password": None,
                    "enclosed_in": "",
                    "answer": str(tmp_path / "answer"),
                    "limits": {"wall_seconds": 0.5},
                },
                replace(LIMITS, wall_seconds=0.5),
            ),
            LIMITS,
        )
    assert caught.value.code == "limit_time"


@pytest.mark.parametrize(
    ("end", "code", "retryable"),
    [
        ({"end": "signal", "signal": signal.SIGSEGV}, "corrupt", False),
        ({"end": "signal", "signal": signal.SIGXCPU}, "limit_time", False),
        ({"end": "signal", "signal": signal.SIGKILL}, "child_killed", True),
        ({"end": "exit", "code": 71}, "limit_memory", False),
        ({"end": "exit", "code": 1}, "child_killed", True),
    ],
)
def test_every_bad_end_of_a_child_has_its_meaning(
    end: dict[str, object], code: str, retryable: bool
) -> None:
    with pytest.raises((PermanentParseError, RetryableParseError)) as caught:
        sandbox._judge(end, LIMITS)
    assert caught.value.code == code
    assert caught.value.retryable is retryable


def test_a_lost_process_is_retryable_and_replaced(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", PROSE)
    parse(path)
    os.kill(sandbox._idle[0]._process.pid, signal.SIGKILL)
    with pytest.raises(RetryableParseError):
        parse(path)
    assert parse(path).text == PROSE


def test_a_killed_worker_leaves_no_process_behind(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    script = (
        "from pathlib import Path; from ingestion.parsing import sandbox, types\n"
        f"p = Path({str(pipe)!r})\n"
        "sandbox._check_size = lambda *a: None\n"
        "server = sandbox._borrow(); sandbox._idle.append(server)\n"
        "print(server._process.pid, flush=True)\n"
        "sandbox.parse(p, filename='pipe.txt', media_type=None, limits=types.ParseLimits())\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    server = int(worker.stdout.readline())
    child = _child_of(server)
    worker.kill()
    worker.wait()
    worker.stdout.close()
    deadline = time.monotonic() + 5
    while (_alive(server) or _alive(child)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(server)
    assert not _alive(child)


def _child_of(pid: int) -> int:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.02)
    raise AssertionError("the server made no child")


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_forked_worker_does_not_share_its_parents_processes(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", PROSE)
    parse(path)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = os.fork()
        if not child:
            theirs.send(b"none" if not sandbox._idle else b"shared")
            os._exit(0)
        os.waitpid(child, 0)
        assert ours.recv(10) == b"none"
    assert parse(path).text == PROSE


def test_an_answer_with_odd_spans_is_not_believed(tmp_path: Path) -> None:
    answer = written(
        tmp_path / "answer.json",
        '{"parsed": {"text": "abc", "blocks": [{"kind": "paragraph", "start": 0, "end": 9, "level": 0,'
        ' "page": null}], "pages": [], "title": "", "metadata": {}, "media_type": "", "parser": "",'
        ' "warnings": []}, "enclosed": []}',
    )
    with pytest.raises(RetryableParseError):
        sandbox._read_answer(answer, None)


def test_a_pdf_goes_the_whole_way(tmp_path: Path) -> None:
    path = make_pdf(tmp_path / "a.pdf", [[("Warranty", 24), ("", 12), ("It covers the pump.", 12)]])
    document = parse(path)
    assert document.title == "Warranty"
    assert [page.number for page in document.pages] == [1]
