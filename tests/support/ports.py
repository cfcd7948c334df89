"""Ports of servers whose number must be known before they start."""

import itertools
import os
import socket

FIRST, LAST = 11_000, 31_000
"""Below what a system hands out by itself: no program that takes any port comes in between. Above 10080, which no
browser opens (fetch.spec.whatwg.org, "bad port")."""
EACH = 100
"""Between the first of one process and that of the next: tests run in several at a time."""

_tried = itertools.count(os.getpid() * EACH)


def free_port() -> int:
    """A port of this computer nobody listens at, and none that was given before."""
    while True:
        port = FIRST + next(_tried) % (LAST - FIRST)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
