"""Settings of the embedded Postgres, by the memory and the processors of the machine."""

import os

MB = 1024 * 1024


def server_options(memory: int | None = None) -> dict[str, str]:
    """``name: value`` for the server's command line; ``memory`` is in bytes, by default the machine's."""
    total = (memory or _memory()) // MB
    options = {
        "max_connections": "120",
        "shared_buffers": f"{_between(128, total // 8, 2048)}MB",
        "effective_cache_size": f"{_between(256, total // 2, 65_536)}MB",
        # An HNSW graph that does not fit is built several times slower.
        "maintenance_work_mem": f"{_between(64, total // 16, 1024)}MB",
        "work_mem": "16MB",
        "jit": "off",
        "random_page_cost": "1.1",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "max_parallel_maintenance_workers": str(min(4, os.cpu_count() or 1)),
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m %u %x ",
        "log_checkpoints": "off",
        "log_lock_waits": "on",
        "log_autovacuum_min_duration": "-1",
        # Containers often have a /dev/shm of 64 MB, which a parallel index build does not fit into.
        "dynamic_shared_memory_type": "sysv" if os.uname().sysname == "Linux" else "posix",
    }
    if os.environ.get("FOOTNOTE_TESTING"):
        # A power cut may destroy a test database; a killed server still loses nothing that was committed.
        options |= {"fsync": "off", "full_page_writes": "off"}
    return options


def _memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))
