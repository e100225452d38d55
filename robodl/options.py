"""Options of commands: a dataclass field says an option's name, type, default, bounds, choices and help, once.

`option` makes such a field, `group` a field that is a dataclass of more options. `options` lists them by key,
`checked` refuses wrong values with one line, `described` documents them.
"""

import dataclasses
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

NOUNS: dict[Any, str] = {
    int: "an integer",
    float: "a number",
    str: "a text",
    bool: "true or false",
    list[int]: "a list of integers",
    list[str]: "a list of texts",
}


class UsageError(ValueError):
    """An argument that makes no sense; its text is one line."""


class RenamedKeyWarning(FutureWarning):
    """A key is given by a name that will go."""


@dataclass(frozen=True)
class Option:
    """One option, as its field declares it."""

    key: str  # as it is written on the command line, algo.gamma
    types: tuple[Any, ...]  # that a value may have
    optional: bool  # whether it may be None
    default: Any
    help: str
    at_least: float | None = None
    at_most: float = math.inf
    more_than: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The rule for a value, in words."""
        if self.choices:
            return f"{'one of' if str in self.types else 'a list of'} {', '.join(self.choices)}"
        noun = " or ".join(NOUNS[kind] for kind in self.types)
        if self.more_than is not None:
            return f"{noun} of more than {self.more_than} and at most {self.at_most}"
        if self.at_least is None:
            return noun
        if self.at_most == math.inf:
            return f"{noun} of at least {self.at_least}"
        return f"{noun} from {self.at_least} to {self.at_most}"

    def checked(self, value: Any) -> Any:
        """The value in its type; UsageError if it is none, or out of bounds."""
        if value is None and self.optional:
            return None
        for kind in self.types:
            found = self.converted(value, kind)
            if found is not None:
                return found
        raise UsageError(f"{self.key} must be {self.rule}, got {value!r}")

    def converted(self, value: Any, kind: Any) -> Any:
        """A value in one of its types, within bounds and choices; None if it is not."""
        if get_origin(kind) is list:
            entries = value if isinstance(value, (list, tuple)) else [None]
            found = [self.converted(each, get_args(kind)[0]) for each in entries]
            return None if None in found else found
        if kind is int and isinstance(value, float) and value.is_integer():
            value = int(value)  # people write 1e5 for 100_000
        if kind is float and type(value) is int:
            value = float(value)
        fits = type(value) is kind and (not self.choices or value in self.choices)
        if fits and self.more_than is not None:
            fits = self.more_than < value <= self.at_most
        if fits and self.at_least is not None:
            fits = self.at_least <= value <= self.at_most and value != math.inf
        return value if fits else None


def option(default: Any = None, *, help: str, **limits: Any) -> Any:
    """A dataclass field that is an option.

    Args:
        default: its value where none is given; a list is copied for each instance.
        help: a line that teaches what it does, and in what unit.
        limits: at_least or at_least and at_most, or more_than and at_most, for numbers; choices for texts.
    """
    metadata = {"option": {"help": help, **limits}}
    if isinstance(default, list):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def group(part: type, prefix: str | None = None, *, open: bool = False, help: str = "") -> Any:
    """A dataclass field that is a dataclass of options.

    Args:
        prefix: of their keys; None for the field's own name and a dot, as in algo.gamma.
        open: whether it takes keys that it does not list, which something else checks, such as an algorithm's class.
            A dict takes such keys alone.
        help: a line on those keys.
    """
    return dataclasses.field(default_factory=part, metadata={"prefix": prefix, "open": open, "help": help})


def walk(schema: type, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field, Any]]:
    """(key or prefix of keys, field, type) of all options and groups, a group before what is in it."""
    hints = get_type_hints(schema)
    for field in dataclasses.fields(schema):
        kind = hints[field.name]
        if "option" in field.metadata:
            yield f"{prefix}{field.name}", field, kind
        else:
            inner = f"{field.name}." if field.metadata["prefix"] is None else field.metadata["prefix"]
            yield prefix + inner, field, kind
            if dataclasses.is_dataclass(kind):
                yield from walk(kind, prefix + inner)  # type: ignore[arg-type]


def options(schema: type) -> dict[str, Option]:
    """All options of a dataclass by key, those of its groups included."""
    found = {}
    for key, field, kind in walk(schema):
        if "option" in field.metadata:
            default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
            kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
            may_be = tuple(each for each in kinds if each is not NoneType)
            found[key] = Option(key, may_be, NoneType in kinds, default, **field.metadata["option"])
    return found


def open_groups(schema: type) -> dict[str, str]:
    """Help on the keys that groups take beyond those that they list, by the prefix of these keys."""
    return {prefix: field.metadata["help"] for prefix, field, _ in walk(schema) if field.metadata.get("open")}


def checked(schema: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by key, each in its option's type; keys of open groups that are not listed stay as they are.

    Raises:
        UsageError: a value is not what its option takes, or there is no option of its name.
    """
    known, free = options(schema), tuple(open_groups(schema))
    found = {}
    for key, value in values.items():
        if key not in known and not key.startswith(free):
            raise UsageError(unknown(key, known))
        found[key] = known[key].checked(value) if key in known else value
    return found


def unknown(key: str, known: Collection[str]) -> str:
    """One line on a key that is not there, with the nearest that are."""
    from robodl_envs import did_you_mean

    if inner := [each for each in known if each.endswith(f".{key}")]:
        return f"no key named {key!r}; did you mean {inner[0]}?"
    plain = sorted(each for each in known if "." not in each)
    return f"no key named {key!r}{did_you_mean(key, known)}; there are {', '.join(plain)}"


def described(schema: type) -> list[str]:
    """A line for each option: key and default, what it takes, and its help; then one for each open group."""
    lines = []
    for key, each in options(schema).items():
        default = "" if each.default is None else f"={each.default}".replace(" ", "").replace("True", "true")
        shown = f"{key}{default.replace('False', 'false')}"
        lines.append(f"  {shown:<30} {each.help} ({each.rule})")
    lines += [f"  {f'{prefix}<name>':<30} {help}" for prefix, help in open_groups(schema).items()]
    return lines
