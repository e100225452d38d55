"""Arguments of commands as key=value words, read into dataclasses of options; and how commands fail.

Words are written as Hydra writes them: lists as [a,b], texts with special characters in quotes. A user's mistake ends a
command with one line and exit code 2. Everything else is a bug, of ours or of a task that somebody wrote, and must keep
its traceback.
"""

import contextlib
import dis
import errno
import inspect
import os
import re
import secrets
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_origin

from robodl.options import Option, RenamedKeyWarning, UsageError, described, options, unknown, walk

T = TypeVar("T")
HELP = {"-h", "--help"}
HOOKS = ("build", "bind", "reset", "begin")  # of a task's or a robot's life: what fails there is code, not a setting
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR, errno.EFBIG)  # not bugs
ALGORITHMS = ("stable_baselines3.", "sb3_contrib.", "torch.optim.")  # their own words on arguments that we let through


def parse(schema: type[T], argv: Sequence[str], prog: str) -> T:
    """The options that key=value words give; prints help and exits where that is asked for.

    Raises:
        UsageError: a word is no key=value, or no option has its name, or its value is not what the option takes.
    """
    if HELP & set(argv):
        print(f"python -m {prog} [key=value ...]", "", inspect.cleandoc(schema.__doc__ or ""), "", sep="\n")
        print("\n".join(described(schema)))
        raise SystemExit(0)
    return schema(**values_of(schema, argv))


def values_of(schema: type, argv: Sequence[str]) -> dict[str, Any]:
    """The checked values that key=value words give, by key; those of an open group that is a dict, by its field."""
    known, values = options(schema), dict[str, Any]()
    dicts = {prefix: field.name for prefix, field, kind in walk(schema) if get_origin(kind) is dict}
    for word in argv:
        key, text = split(word)
        prefix = next((each for each in dicts if key.startswith(each)), None)
        if key in known:
            values[key] = value_of(known[key], text)
        elif prefix:
            values.setdefault(dicts[prefix], {})[key.removeprefix(prefix)] = parsed(key, text)
        else:
            raise UsageError(unknown(key, known))
    return values


def split(word: str) -> tuple[str, str]:
    """A word's key and its value as it is written."""
    key, equals, text = word.partition("=")
    if not equals or not key or key.startswith("-"):
        raise UsageError(f"settings are key=value, such as seed=1, got {word!r}")
    return key, text


def value_of(option: Option, text: str) -> Any:
    """The checked value that a text stands for, by Hydra's grammar."""
    from hydra.core.override_parser.types import ChoiceSweep

    if str in option.types and not text.startswith(("'", '"', "[")):
        return option.checked(None if text == "null" and option.optional else text)
    value = parsed(option.key, text)
    if isinstance(value, ChoiceSweep):  # env=reach,push
        value = list(value.list)
    if get_origin(option.types[0]) is list and value is not None and not isinstance(value, (list, dict)):
        value = [value]  # env=reach
    return option.checked(value)


def parsed(key: str, text: str) -> Any:
    """The value that a text stands for, by Hydra's grammar."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(f"{key.rpartition('.')[2]}={text}").value()
    except HydraException as error:
        raise UsageError(f"can't read {key}={text}: {one_line(error)}") from None


def check_writable(path: str | None) -> None:
    """UsageError unless a file can be written at path, so that no work is done in vain."""
    if path is None:
        return
    file = Path(path).resolve()
    if not file.parent.is_dir():
        raise UsageError(f"there is no folder {file.parent} to write {path} to")
    if file.is_dir():
        raise UsageError(f"{path} is a folder, not a file to write to")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UsageError(f"{path} can't be written to")


def dated_name() -> str:
    """A name that no run has: date, time and a random id."""
    return f"{time.strftime('%Y-%m-%d_%H%M%S')}_{secrets.token_hex(2)}"


def check_new_folder(path: str) -> None:
    """UsageError unless a folder can be made at path, or is there and empty, so that no work is done in vain."""
    folder = Path(path).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{path} must be a new or an empty folder")
    above = next(each for each in (folder, *folder.parents) if each.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise UsageError(f"can't make the folder {path}: {above} can't be written to")


def guarded(command: Callable[[], Any]) -> None:
    """Run a command; a user's mistake ends it with one line on stderr and exit code 2.

    A terminal shows at once that it has begun: importing PyTorch takes seconds.
    """
    if sys.stderr.isatty() and not HELP & set(sys.argv):
        print(f"{Path(sys.argv[0]).stem}: starting", file=sys.stderr, flush=True)
    plain = warnings.formatwarning

    def formatted(message, category, *place: Any, **more: Any) -> str:
        return f"warning: {message}\n" if category is RenamedKeyWarning else plain(message, category, *place, **more)

    warnings.formatwarning = formatted  # type: ignore[assignment]
    try:
        with ending_in_one_line():
            command()
    except KeyboardInterrupt as error:
        raise SystemExit(128 + int(error.args[0] if error.args else signal.SIGINT)) from None
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os._exit(0)


@contextlib.contextmanager
def ending_in_one_line() -> Iterator[None]:
    """End the program with one line where a setting is wrong, code 2, or a file can't be read or written, code 1."""
    try:
        yield
    except UsageError as error:
        fail(str(error))
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        fail(f"can't read or write {error.filename or 'a file'}: {error.strerror}", code=1)


@contextlib.contextmanager
def settings_errors() -> Iterator[None]:
    """Make a UsageError of what is raised where settings become objects, if it is a refusal and no bug."""
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            way_out = "fewer rows, a smaller buffer, smaller images or networks need less"
            raise UsageError(f"these settings need more memory than there is: {one_line(error)}; {way_out}") from error
        if isinstance(error, UsageError) or not is_refusal(error):
            raise
        raise UsageError(one_line(error)) from error


def is_out_of_memory(error: Exception) -> bool:
    """Test whether memory was refused, by NumPy, by PyTorch on a CPU or on a GPU."""
    return isinstance(error, MemoryError) or any(
        words in str(error) for words in ("can't allocate memory", "CUDA out of memory")
    )


def is_refusal(error: Exception) -> bool:
    """Test whether an error is the refusal of a setting.

    It is if a `raise` statement made it, outside the hooks of tasks and robots: a wrong name in a task's `bind` is a
    KeyError too, and a bug. An argument that an algorithm of another package does not take may fail in any of its
    lines, and a missing file or package outside hooks in any of ours.
    """
    from robodl_envs import Robot, Task

    last = last_traceback(error)
    if raised_in(ALGORITHMS, error):
        return isinstance(error, (ValueError, TypeError, AssertionError))
    deliberate = dis.opname[last.tb_frame.f_code.co_code[last.tb_lasti]] == "RAISE_VARARGS"
    if isinstance(error, ImportError):
        return deliberate
    in_hook = any(
        frame.f_code.co_name in HOOKS and isinstance(frame.f_locals.get("self"), (Task, Robot))
        for frame, _ in traceback.walk_tb(error.__traceback__)
    )
    if isinstance(error, OSError):
        return deliberate or not in_hook
    return isinstance(error, (ValueError, TypeError, KeyError)) and deliberate and not in_hook


def last_traceback(error: BaseException) -> Any:
    """The entry of an error's traceback where it was raised."""
    last: Any = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    return last


def raised_in(packages: str | tuple[str, ...], error: BaseException) -> bool:
    """Test whether an error was raised in a module whose name begins so."""
    return str(last_traceback(error).tb_frame.f_globals.get("__name__")).startswith(packages)


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
