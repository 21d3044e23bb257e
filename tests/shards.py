"""The tests in several processes: each finds the database cluster that ``bin/test`` made for it.

Loaded with ``-p``, before anything reads the settings. A file's tests stay together, because its fixtures are dear.
"""

import json
import os

import pytest


def _take_own_surroundings() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and (shards := os.environ.get("FOOTNOTE_TEST_SHARDS")):
        os.environ |= json.loads(shards)[int(worker.removeprefix("gw"))]


_take_own_surroundings()


def uses_browser(item: pytest.Item) -> bool:
    """Whether a Chromium is among the test's fixtures."""
    return "chromium" in getattr(item, "fixturenames", ())


def keep_files_together(items: list[pytest.Item]) -> None:
    """Groups for ``--dist loadgroup``: a file, its browser tests apart."""
    for item in items:
        group = f"{item.path.name}-{item.path.parent.name}"
        item.add_marker(
            pytest.mark.xdist_group(f"{group}-browser" if uses_browser(item) else group)
        )
