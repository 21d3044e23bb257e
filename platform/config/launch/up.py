"""``bin/up``: all of Footnote in the foreground, until Ctrl-C.

    home and its lock -> port -> database -> migrations, static files, demo -> web, worker, beat -> ready

and backwards when it ends, the database last. Every failure is one sentence and exit code 1.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

from config.launch import children, logs, prepared, readiness
from config.launch.children import Child
from config.launch.connections import Surroundings, surroundings
from config.launch.errors import AlreadyRunning, CannotWrite, LaunchError, StepFailed
from config.launch.home import Home, try_lock
from config.launch.port import HOST, check_port
from config.launch.programs import programs

TICK_SECONDS = 0.4
GUARD_CHECK_SECONDS = 2.0
FAILURES_BEFORE_READY = 5
SIGN_OF_LIFE_SECONDS = 20.0


def main(arguments: list[str]) -> int:
    """Runs until it is told to stop: exit code 0. Exit code 1 and one sentence when it cannot start."""
    options = _options(arguments)
    home = Home.from_environment()
    try:
        with _interruptible(), ExitStack() as stack:
            home.prepare()
            stack.enter_context(_alone(home, options.port))
            check_port(options.port)
            _run(home, options, stack)
    except KeyboardInterrupt:
        logs.say("up", "stopped")
    except LaunchError as error:
        print(f"footnote: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"footnote: {CannotWrite.because(error, home.path)}", file=sys.stderr)
        return 1
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/up", description="Runs all of Footnote until Ctrl-C."
    )
    parser.add_argument("--port", type=int, default=8000, help="where the web pages are (8000)")
    parser.add_argument("--no-demo", action="store_true", help="leave the platform empty")
    return parser.parse_args(arguments)


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM and a closed terminal end the run like Ctrl-C."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(kind, interrupt)
    yield


@contextmanager
def _alone(home: Home, port: int) -> Iterator[None]:
    """One bin/up per home; the lock file says which process has it and where it is found."""
    with home.open_lock("up") as file:
        if not try_lock(file):
            file.seek(0)
            raise AlreadyRunning(
                f"Footnote already runs in {home.path}: {file.read().strip() or 'it is starting'}."
            )
        file.truncate(0)
        file.write(f"process {os.getpid()}, http://{HOST}:{port}")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _run(home: Home, options: argparse.Namespace, stack: ExitStack) -> None:
    url, began = f"http://{HOST}:{options.port}", time.monotonic()
    if left := children.sweep(home.run / "children.json"):
        logs.say("up", f"ended {left} processes that an earlier run had left behind")
    logs.say("up", f"starting in {home.path}")
    logs.follow("db", home.log / "db.log")
    around = surroundings(home)
    stack.callback(around.release)
    around.variables["FOOTNOTE_URL"] = url
    _prepare(around, options)
    running = programs(around, options.port)
    stack.callback(_stop, running)
    for child in running:
        child.start()
    children.note(running, home.run / "children.json")
    _supervise(around, running, url, began)


def _prepare(around: Surroundings, options: argparse.Namespace) -> None:
    """Migrations, static files and the demo, unless nothing has changed since they were last made."""
    owner, demo = around.variables["MIGRATION_DATABASE_URL"], not options.no_demo
    if prepared.is_current(owner, prepared.fingerprint(around.home, demo=demo)):
        return
    _run_preparation(around, options)
    prepared.remember(owner, prepared.fingerprint(around.home, demo=demo))


def _run_preparation(around: Surroundings, options: argparse.Namespace) -> None:
    command = [
        sys.executable,
        "-m",
        "config.launch.prepare",
        *(["--no-demo"] if options.no_demo else []),
    ]
    step = Child("setup", command, around.variables, around.home)
    step.start()
    try:
        while not step.ended():
            time.sleep(0.05)
    except KeyboardInterrupt:
        children.stop([step])
        raise
    if step.process is not None and step.process.returncode:
        raise StepFailed(
            f"Setting up failed: the reason is above and in {around.home.log / 'setup.log'}."
        )


def _supervise(around: Surroundings, running: list[Child], url: str, began: float) -> None:
    ready, guard_checked, spoke = False, 0.0, began
    while True:
        time.sleep(TICK_SECONDS)
        before = [child.process for child in running]
        for child in running:
            child.tend()
        if before != [child.process for child in running]:
            children.note(running, around.home.run / "children.json")
        now = time.monotonic()
        if around.database is not None and now - guard_checked > GUARD_CHECK_SECONDS:
            around.database.ensure_guarded()
            guard_checked = now
        if not ready:
            _give_up_when_hopeless(running)
            ready, missing = readiness.ask(url)
            if ready:
                _announce(around.home, url, now - began)
            elif now - spoke > SIGN_OF_LIFE_SECONDS:
                logs.say("up", f"not ready yet: {missing}")
                spoke = now


def _give_up_when_hopeless(running: list[Child]) -> None:
    for child in running:
        if child.failures >= FAILURES_BEFORE_READY:
            raise StepFailed(
                f"{child.name} stopped {child.failures} times: see {child.home.log / child.name}.log."
            )


def _announce(home: Home, url: str, seconds: float) -> None:
    logs.say("up", f"everything answers after {seconds:.1f} s; Ctrl-C stops it")
    print(f"\nready: {url}", flush=True)
    with suppress(OSError, ValueError, KeyError):
        demo = json.loads(home.demo.read_text(encoding="utf-8"))
        if demo.get("url") != url:
            home.demo.write_text(json.dumps({**demo, "url": url}, indent=2), encoding="utf-8")
        print(
            f"sign in as {demo['email']} with {demo['password']} (kept in {home.demo})\n",
            flush=True,
        )


def _stop(running: list[Child]) -> None:
    """A second Ctrl-C, while it waits for the processes to end, kills them."""
    logs.say("up", "stopping (Ctrl-C again kills)")
    try:
        children.stop(running)
    except KeyboardInterrupt:
        for child in running:
            child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
