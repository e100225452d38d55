"""Versions, machine and commit: what makes a measured number comparable."""

import functools
import json
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from robodl.atomic_write import replacing

PACKAGES = ("robodl", "mujoco", "gymnasium", "stable-baselines3", "torch", "numpy")


def provenance() -> dict[str, Any]:
    """Versions and machine with which a number was made, ready for JSON."""
    return {
        "versions": {name: version(name) for name in PACKAGES} | {"python": platform.python_version()},
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count(), "system": platform.platform(terse=True)},
        "commit": commit(),
    }


def save_numbers(path: str | Path, content: dict[str, Any], **lists: Sequence[Any]) -> None:
    """Write measured numbers and their provenance as JSON, and at the end lists, if not empty, an entry on a line."""
    text = json.dumps({**content, **provenance()}, indent=1)
    for name, entries in lists.items():
        if entries:
            lines = ",\n".join(f"  {json.dumps(each)}" for each in entries)
            text = text.removesuffix("\n}") + f',\n "{name}": [\n{lines}\n ]\n}}'
    with replacing(Path(path)) as part:
        part.write_text(text + "\n")


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.+)", info.read_text() if info.exists() else "", flags=re.MULTILINE)
    return names[0] if names else platform.processor()


@functools.cache
def commit() -> str | None:
    """The commit of the checkout that runs, with '+' for uncommitted changes; None for an installed package.

    As it is when first asked: ask before long work, in which the checkout may move on.
    """
    here = Path(__file__).parent

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)  # an installed copy may lie in a checkout of another
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
