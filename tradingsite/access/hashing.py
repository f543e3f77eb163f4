"""Passwords are hashed two at a time: more would take every core, and a flood of logins is a flood of hashes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection

AT_A_TIME = 2
WAIT_S = 1.0  # a thread that waits serves no page

_turns = threading.BoundedSemaphore(AT_A_TIME)


class TooManyLogins(Exception):
    """Others are logging in: no turn came within some seconds."""


@contextmanager
def turn() -> Iterator[None]:
    """Hold one of the two turns.

    Raises:
        TooManyLogins: none came free in time.
    """
    if not _turns.acquire(blocking=False):
        # Whoever waits for a core must not hold one of the few connections meanwhile.
        if not connection.in_atomic_block:
            connection.close()
        if not _turns.acquire(timeout=WAIT_S):
            raise TooManyLogins(f"more than {AT_A_TIME} passwords are being checked")
    try:
        yield
    finally:
        _turns.release()


class TwoAtATime(PBKDF2PasswordHasher):
    """Django's own hasher; the hashes are the same, whoever made them."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Return the hash."""
        with turn():
            return super().encode(password, salt, iterations)
