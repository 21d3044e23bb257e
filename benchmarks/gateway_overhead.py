"""What a call through Footnote costs beside the model server called directly and beside the LiteLLM proxy, in one run.

    bin/manage shell -c "import runpy; runpy.run_path('benchmarks/gateway_overhead.py', run_name='__main__')"
    .venv/bin/python benchmarks/gateway_overhead.py [--litellm VENV/bin/litellm] [--seconds 4] [--soak MINUTES]
                                                                                            (environment set)

A trivial model server on the event loop answers at once (streams: twenty tokens). Footnote serves with one process, on
the database of the environment, with a budget, a rate limit, ledger and trace; LiteLLM with one process and without a
database. The client is this process, so that all of them share the machine's processors. The targets take turns.
``--soak``: fifty streams at once for so many minutes; prints how memory grew, and whether the ledger has every answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
HOST, WORDS = "127.0.0.1", 20
WATCH_SECONDS = 5
# It refuses keys that everybody knows.
LITELLM_KEY = f"sk-{uuid4().hex}"
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "trivial",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "word " * WORDS},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": WORDS, "total_tokens": 12 + WORDS},
    }
).encode()


def _chunk(delta: dict[str, str], reason: str | None = None, **more: object) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "trivial"}
    data = f"data: {json.dumps({**head, 'choices': choices, **more})}\n\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


USAGE = {"prompt_tokens": 12, "completion_tokens": WORDS, "total_tokens": 12 + WORDS}
FIRST = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    + _chunk({"role": "assistant", "content": "word "})
)
MIDDLE = [_chunk({"content": "word "}) for _ in range(WORDS - 1)]
LAST = [_chunk({}, "stop", usage=USAGE), b"e\r\ndata: [DONE]\n\n\r\n", b"0\r\n\r\n"]


class ModelServer(asyncio.Protocol):
    """Answers whatever is posted. ``pause``: seconds between the tokens of a stream."""

    pause = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        if b'"stream": true' in rest or b'"stream":true' in rest:
            asyncio.get_running_loop().create_task(self.stream())
        else:
            kind = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
            self.transport.write(kind + str(len(ANSWER)).encode() + b"\r\n\r\n" + ANSWER)

    async def stream(self) -> None:
        self.transport.write(FIRST)
        for part in [*MIDDLE, *LAST]:
            await asyncio.sleep(self.pause)
            self.transport.write(part)


async def serve(port: int, pause: float) -> None:
    ModelServer.pause = pause
    server = await asyncio.get_running_loop().create_server(ModelServer, HOST, port)
    await server.serve_forever()


@dataclass
class Target:
    """Where to ask, and what was measured there: seconds, and answers per second by number of clients."""

    name: str
    port: int
    key: str
    plain: list[float] = field(default_factory=list)
    first_token: list[float] = field(default_factory=list)
    rates: dict[tuple[bool, int], float] = field(default_factory=dict)

    def request(self, *, stream: bool) -> bytes:
        body = json.dumps(
            {
                "model": "trivial",
                "messages": [{"role": "user", "content": "How long is leave, and since when?"}],
                "stream": stream,
            }
        ).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def asked(target: Target, connection: Connection, *, stream: bool) -> tuple[float, float]:
    """Seconds to the first token (or byte) and in all. Fails unless the answer is whole."""
    began, due = time.perf_counter(), time.monotonic() + 60
    connection.send(target.request(stream=stream))
    await connection.head(due)
    said, first = b"", 0.0
    while data := await connection.chunk(due):
        said += data
        if not first and b"word" in said:
            first = time.perf_counter() - began
    whole = said.rstrip().endswith(b"data: [DONE]") if stream else b'"stop"' in said
    assert connection.status == 200, (target.name, connection.status, said[-300:])
    assert whole, (target.name, said[-300:])
    return first, time.perf_counter() - began


async def rate(target: Target, *, clients: int, stream: bool, seconds: float) -> float:
    """Answers per second with so many clients, each on a connection of its own."""
    ends, done = time.perf_counter() + seconds, 0

    async def client() -> None:
        nonlocal done
        connection = await opened(target)
        while time.perf_counter() < ends:
            await asked(target, connection, stream=stream)
            done += 1
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return done / (time.perf_counter() - began)


async def opened(target: Target) -> Connection:
    _, made = await asyncio.get_running_loop().create_connection(Connection, HOST, target.port)
    return made


async def measure(targets: list[Target], seconds: float, rounds: int) -> None:
    for target in targets:
        for stream in (False, True):
            await rate(target, clients=4, stream=stream, seconds=1)
    for _ in range(rounds):
        for target in targets:
            connection = await opened(target)
            for _ in range(100):
                target.plain.append((await asked(target, connection, stream=False))[1])
                target.first_token.append((await asked(target, connection, stream=True))[0])
            connection.close()
    for stream in (False, True):
        for clients in (16, 64):
            for target in targets:
                found = await rate(target, clients=clients, stream=stream, seconds=seconds)
                target.rates[stream, clients] = found


def report(targets: list[Target]) -> None:
    """Milliseconds: p50 and p95 of each, and what it adds to the p50 and p95 of asking directly."""
    base = targets[0]
    for what in ("plain", "first_token"):
        print(f"{what:12}     p50     p95   added p50   added p95")
        for one in targets:
            middle, tail = quantiles(getattr(one, what))
            base_middle, base_tail = quantiles(getattr(base, what))
            added = f"{middle - base_middle:11.2f} {tail - base_tail:11.2f}"
            print(f"  {one.name:10} {middle:7.2f} {tail:7.2f} {added}")
    print("answers per second, 16 and 64 clients: plain, streams")
    for one in targets:
        found = [one.rates[stream, clients] for stream in (False, True) for clients in (16, 64)]
        print(f"  {one.name:10}" + "".join(f"{rate:9.0f}" for rate in found))


def quantiles(seconds: list[float]) -> tuple[float, float]:
    """p50 and p95 in milliseconds."""
    found = statistics.quantiles(seconds, n=20)
    return found[9] * 1e3, found[18] * 1e3


async def soak(target: Target, process: int, minutes: float) -> None:
    ends, done, sizes = time.monotonic() + minutes * 60, 0, []

    async def client() -> None:
        nonlocal done
        while time.monotonic() < ends:
            connection = await opened(target)
            for _ in range(20):
                await asked(target, connection, stream=True)
                done += 1
            connection.close()

    async def watch() -> None:
        while time.monotonic() < ends:
            await asyncio.sleep(WATCH_SECONDS)
            sizes.append(memory(process))

    await asyncio.gather(watch(), *(client() for _ in range(50)))
    # Connections, caches and the allocator fill up in the first minute.
    warm = sizes[min(60 // WATCH_SECONDS, len(sizes) // 2) :]
    part = max(1, 30 // WATCH_SECONDS)
    before, after = statistics.mean(warm[:part]), statistics.mean(warm[-part:])
    written, wrong = await asyncio.to_thread(rows), await asyncio.to_thread(discrepancies)
    print(f"{done} streams, {written} ledger rows, {len(wrong)} discrepancies")
    print(f"memory {before:.1f} MB -> {after:.1f} MB ({(after / before - 1) * 100:+.2f} %)")


def memory(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", type=int, help="be the model server on this port")
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--litellm", default=os.environ.get("LITELLM", ""))
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--soak", type=float, default=float(os.environ.get("SOAK_MINUTES", "0")))
    options = parser.parse_args()
    if options.serve:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(options.serve, options.pause))
        return
    with ExitStack() as stack:
        ports = [free_port() for _ in range(3)]
        pause = "0.05" if options.soak else "0"
        stack.enter_context(
            running(
                [sys.executable, __file__, "--serve", str(ports[0]), "--pause", pause], ports[0]
            )
        )
        key = prepared(ports[0])
        footnote = stack.enter_context(running(uvicorn(ports[1]), ports[1], bounded=True))
        targets = [Target("direct", ports[0], "none"), Target("Footnote", ports[1], key)]
        if options.litellm and not options.soak:
            stack.enter_context(running(litellm(options.litellm, ports), ports[2]))
            targets.append(Target("LiteLLM", ports[2], LITELLM_KEY))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            if options.soak:
                runner.run(soak(targets[1], footnote.pid, options.soak))
            else:
                runner.run(measure(targets, options.seconds, options.rounds))
                report(targets)


def uvicorn(port: int) -> list[str]:
    options = (
        f"-m uvicorn config.asgi:application --host {HOST} --port {port} --lifespan off --ws none"
    )
    options += " --http config.addresses:LongAddresses"
    return [sys.executable, *options.split(), "--no-access-log", "--log-level", "warning"]


def litellm(program: str, ports: list[int]) -> list[str]:
    config = {
        "model_list": [
            {
                "model_name": "trivial",
                "litellm_params": {
                    "model": "openai/trivial",
                    "api_base": f"http://{HOST}:{ports[0]}/v1",
                    "api_key": "none",
                },
            }
        ],
        "general_settings": {"master_key": LITELLM_KEY},
    }
    path = Path(tempfile.mkdtemp(prefix="gateway-overhead-")) / "litellm.json"
    path.write_text(json.dumps(config))
    options = f"--config {path} --host {HOST} --port {ports[2]} --num_workers 1"
    return [program, *options.split()]


@contextmanager
def running(
    command: list[str], port: int, *, bounded: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    variables = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}
    variables |= {"FOOTNOTE_API_RATE": "1000000/second", "FOOTNOTE_OUTBOUND_PORTS": "any"}
    variables |= {"FOOTNOTE_OUTBOUND_NETWORKS": "127.0.0.0/8"}
    if not bounded:
        # LiteLLM would take our database for its own.
        for name in ("PYTHONPATH", "DATABASE_URL"):
            variables.pop(name, None)
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_for(port, process)
            yield process
        finally:
            process.terminate()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 120
    while time.monotonic() < ends and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"{process.args} does not listen on port {port}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def prepared(port: int) -> str:
    """A tenant with a model on the model server, a budget and a rate limit; its key."""
    global tenant_id
    tenant = people.found_tenant(slug=f"gateway-{uuid4().hex[:8]}", name="Gateway")
    tenant_id = tenant.pk
    with tenant_scope(platform_principal(tenant.pk)):
        provider = Provider.objects.create(name="local", base_url=f"http://{HOST}:{port}/v1")
        Model.objects.create(
            provider=provider, name="trivial", input_price=Decimal(1), output_price=Decimal(2)
        )
        Budget.objects.create(name="all", limit_usd=Decimal(100_000))
        RateLimit.objects.create(name="many", amount=100_000_000)
        return people.create_key(name="benchmark").secret


def rows() -> int:
    with tenant_scope(platform_principal(tenant_id)):
        return ModelCall.objects.filter(outcome="ok").count()


def discrepancies() -> list[object]:
    with tenant_scope(platform_principal(tenant_id)):
        return [*accounts.discrepancies(tenant_id)]


if "--serve" not in sys.argv:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["FOOTNOTE_LOG_LEVEL"] = "WARNING"
    django.setup()

    from inference import accounts
    from inference.models import Budget, Model, ModelCall, Provider, RateLimit
    from tenants import people
    from tenants.scope import platform_principal, tenant_scope

    tenant_id = uuid4()

import uvloop  # noqa: E402

from inference.passthrough.wire import Connection  # noqa: E402

if __name__ == "__main__":
    main()
