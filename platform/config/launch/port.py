"""The port of the web pages: free, or whose it is."""

import socket
from contextlib import suppress

import psutil

from config.launch.errors import PortInUse

HOST = "127.0.0.1"


def check_port(port: int) -> None:
    """Raises PortInUse naming the program when the system tells."""
    if not 0 < port < 65_536:
        raise PortInUse(f"{port} is no port: choose one between 1024 and 65535 with --port.")
    with socket.socket() as probe:
        # As the web server does: a port that is only waiting for old packets is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError as error:
            raise PortInUse(
                f"Port {port} needs root: choose another one, bin/up --port 8000."
            ) from error
        except OSError as error:
            raise PortInUse(
                f"Port {port} is in use{_by_whom(port)}: stop that program, or choose another port,"
                f" bin/up --port {port + 1}."
            ) from error


def _by_whom(port: int) -> str:
    with suppress(psutil.Error, OSError):
        for found in psutil.net_connections("tcp"):
            listens = found.status == psutil.CONN_LISTEN and found.pid
            if listens and getattr(found.laddr, "port", None) == port:
                return f" by process {found.pid} ({psutil.Process(found.pid).name()})"
    return ""
