"""How our commands take arguments and how they fail: one clear line and exit code 2."""

import inspect
import os
import re
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_origin

from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

T = TypeVar("T")
HYDRA_ERRORS = (HydraException, OmegaConfBaseException)
# What a wrong argument can raise at the door.
USER_ERRORS = (ValueError, KeyError, TypeError, OSError, RuntimeError, AssertionError, ModuleNotFoundError)


class UsageError(ValueError):
    """An argument that makes no sense; its text is one line."""


def parse(options: type[T], argv: Sequence[str], prog: str) -> T:
    """key=value arguments as a dataclass, whose field metadata "help" documents them; exits with 2 on a bad one."""
    if any(word in ("-h", "--help") for word in argv):
        print(usage(options, prog))
        raise SystemExit(0)
    known = {field.name for field in fields(options)}  # type: ignore[arg-type]
    for word in argv:
        key, equals, _ = word.partition("=")
        if not equals:
            fail(f"arguments are key=value, got {word!r}; see python -m {prog} --help")
        if key not in known:
            fail(f"no argument named {key!r}{near_names(key, known)}")
    try:
        values = dotted([listed(options, word) for word in argv])
        parsed: Any = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(options), values))
    except OmegaConfBaseException as error:
        place = getattr(error, "full_key", None)
        fail(f"{place}: {one_line(error)}" if place else one_line(error))
    for name, value in vars(parsed).items():  # OmegaConf lets more into a list of texts than texts
        if isinstance(value, list) and any(isinstance(entry, (dict, list)) for entry in value):
            fail(f"{name} must be a list of single values, got {value}")
    return parsed


def listed(options: type, word: str) -> str:
    """key=value for a field that is a list: a value without brackets gets them, env=reach,push as env=reach."""
    key, _, value = word.partition("=")
    lists = {field.name for field in fields(options) if get_origin(field.type) is list}
    return f"{key}=[{value}]" if key in lists and not value.startswith("[") else word


def dotted(words: list[str]) -> Any:
    """OmegaConf's reading of key=value words; OmegaConfBaseException for what is no value."""
    try:
        return OmegaConf.from_dotlist(words)
    except OmegaConfBaseException:
        raise
    except Exception as error:  # YAML has its own
        raise OmegaConfBaseException(f"can't read {' '.join(words)}: {one_line(error)}") from None


def check_writable(path: str | None) -> None:
    """UsageError unless a file can be written at path, so that no work is done in vain."""
    if path is not None and not Path(path).resolve().parent.is_dir():
        raise UsageError(f"there is no folder {Path(path).resolve().parent} to write {path} to")
    if path is not None and Path(path).is_dir():
        raise UsageError(f"{path} is a folder, not a file to write to")
    if path is not None and not os.access(Path(path) if Path(path).exists() else Path(path).resolve().parent, os.W_OK):
        raise UsageError(f"{path} can't be written to")


def usage(options: type, prog: str) -> str:
    lines = [f"python -m {prog} [key=value ...]", "", inspect.cleandoc(options.__doc__ or ""), ""]
    for field in fields(options):
        default = field.default if field.default_factory is MISSING else field.default_factory()
        shown = field.name if default is None else f"{field.name}={str(default).replace(' ', '')}"
        lines.append(f"  {shown:<22} {field.metadata.get('help', '')}")
    return "\n".join(lines)


def guarded(command: Callable[[], Any]) -> None:
    """Run a command; a user's mistake ends it with one line on stderr and exit code 2."""
    try:
        command()
    except UsageError as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os._exit(0)


def fail(message: str, code: int = 2) -> NoReturn:
    """End with one line on stderr: code 2 for a user's mistake, 1 for a check that found something."""
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(code)


def one_line(error: BaseException) -> str:
    """An exception's message without its traceback, line breaks, or the quotes that KeyError adds."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    text = re.sub(r" was raised from the environment creator for .*", "", text, flags=re.DOTALL)
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(("full_key:", "object_type=", "reference_type="))]
    return "; ".join(lines) or type(error).__name__


def hydra_line(error: BaseException, keys: Sequence[str]) -> str:
    """What Hydra or OmegaConf found wrong with the command line, in one line with near names."""
    text = str(error)
    if text.startswith("Error merging override") and error.__cause__ is not None:
        return f"{text.splitlines()[0]}: {one_line(error.__cause__)}"
    if match := re.search(r"Could not find '([\w/]+)/([^'/]*)'", text):
        group, name = match.groups()
        options = re.findall(r"^\t(\S+)$", text, flags=re.MULTILINE)
        own = "; a task of your own is found by its entry point robodl.plugins" if group == "env" else ""
        return f"no {group} named {name!r}{near_names(name, options)}{own}"
    if match := re.search(r"Could not override '([^']+)'|Key '([^']+)' is not in struct", text):
        key = match.group(1) or match.group(2)
        if key in keys:
            return f"{key} can't be chosen here; it is what the command needs"
        if f"algo.{key}" in keys:
            return f"no key named {key!r}; did you mean algo.{key}?"
        tail = "; a task's settings are env.<name>, an algorithm's algo.<name>"
        return f"no key named {key!r}{near_names(key, [k for k in keys if '.' not in k])}{tail}"
    return one_line(error)


def near_names(name: str, names: Collection[str]) -> str:
    """What to try instead of a name that isn't there."""
    from robodl_envs import did_you_mean

    return f"{did_you_mean(name, names)}; there are {', '.join(sorted(names)) or 'none yet'}"


def show_hydra_errors() -> None:
    """Let Hydra raise instead of printing, so that `main` can print one line."""
    os.environ["HYDRA_FULL_ERROR"] = "1"
