"""Errors that a command's user can mend, kept apart from bugs.

A user's mistake ends a command with one line and exit code 2. Everything else is a bug, of ours or of a task that
somebody wrote, and must keep its traceback.
"""

import contextlib
import dis
import re
import sys
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

HOOKS = ("build", "bind", "reset", "begin")  # of a task's or a robot's life: what fails there is code, not a setting
ALGORITHMS = ("stable_baselines3.", "sb3_contrib.", "torch.optim.")  # their own words on arguments that we let through


class UsageError(ValueError):
    """An argument that makes no sense; its text is one line."""


class RenamedKeyWarning(FutureWarning):
    """A key is given by a name that will go."""


@contextlib.contextmanager
def settings_errors() -> Iterator[None]:
    """Make a UsageError of what is raised where settings become objects, if it is a refusal and no bug."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        if is_refusal(error):
            raise UsageError(one_line(error)) from error
        raise


def is_refusal(error: Exception) -> bool:
    """Test whether an error is the refusal of a setting.

    It is if a `raise` statement made it, outside the hooks of tasks and robots: a wrong name in a task's `bind` is a
    KeyError too, and a bug. An argument that an algorithm of another package does not take may fail in any of its
    lines, and a missing file or package outside hooks in any of ours.
    """
    last: Any = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    if str(last.tb_frame.f_globals.get("__name__")).startswith(ALGORITHMS):
        return isinstance(error, (ValueError, TypeError, AssertionError))
    deliberate = dis.opname[last.tb_frame.f_code.co_code[last.tb_lasti]] == "RAISE_VARARGS"
    if isinstance(error, ImportError):
        return deliberate
    in_hook = any(is_hook(frame) for frame, _ in traceback.walk_tb(error.__traceback__))
    if isinstance(error, OSError):
        return deliberate or not in_hook
    return isinstance(error, (ValueError, TypeError, KeyError)) and deliberate and not in_hook


def is_hook(frame: FrameType) -> bool:
    """Test whether a frame is a hook of a task or a robot."""
    from robodl_envs.robots.robot import Robot
    from robodl_envs.tasks.task import Task

    return frame.f_code.co_name in HOOKS and isinstance(frame.f_locals.get("self"), (Task, Robot))


def one_line(error: BaseException) -> str:
    """An exception's message without its traceback, line breaks, or the quotes that KeyError adds."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(("full_key:", "object_type=", "reference_type="))]
    return re.sub(r"\s+", " ", "; ".join(lines)) or type(error).__name__


def fail(message: str, code: int = 2) -> NoReturn:
    """End with one line on stderr: code 2 for a user's mistake, 1 for a check that found something."""
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(code)
