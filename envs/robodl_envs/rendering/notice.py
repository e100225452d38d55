"""Notices: what a user should know once, and no more often."""

import sys

GIVEN: set[str] = set()  # notices that this process has given


def notice(text: str) -> None:
    """Say something on stderr, once a process."""
    if text not in GIVEN:
        GIVEN.add(text)
        print(f"robodl: {text}", file=sys.stderr)
