"""Options of commands: a dataclass field says an option's name, type, default, bounds, choices and help, once.

`option` makes such a field, `group` a field that is a dataclass of more options. `options` lists them by key,
`checked` refuses wrong values with one line, `described` documents them.
"""

import dataclasses
import math
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from robodl.errors import UsageError

NOUNS = {int: "integer", float: "number", str: "text", bool: "true or false"}


@dataclass(frozen=True)
class Option:
    """One option, as its field declares it."""

    key: str  # as it is written on the command line, algo.gamma
    type: Any
    default: Any
    help: str
    at_least: float | None = None
    at_most: float | None = None
    more_than: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def types(self) -> tuple[Any, ...]:
        """The types that a value may have; None, where allowed, is not among them."""
        union = get_origin(self.type) in (Union, types.UnionType)
        return tuple(kind for kind in get_args(self.type) if kind is not type(None)) if union else (self.type,)

    @property
    def optional(self) -> bool:
        return type(None) in get_args(self.type)

    @property
    def is_list(self) -> bool:
        return any(get_origin(kind) is list for kind in self.types)

    @property
    def bounds(self) -> str:
        """The range of a number, in words; "" if it has none."""
        if self.more_than is not None:
            return f"more than {self.more_than}" + ("" if self.at_most is None else f" and at most {self.at_most}")
        if self.at_least is None:
            return ""
        return f"at least {self.at_least}" if self.at_most is None else f"from {self.at_least} to {self.at_most}"

    @property
    def rule(self) -> str:
        """The rule for a value, in words."""
        if self.choices:
            return f"{'a list of' if self.is_list else 'one of'} {', '.join(self.choices)}"
        kinds = []
        for kind in self.types:
            if get_origin(kind) is list:
                (entry,) = get_args(kind)
                kinds.append(f"a list of {NOUNS[entry]}s")
            elif kind is bool:
                kinds.append(NOUNS[bool])
            else:
                kinds.append(f"{'an' if kind is int else 'a'} {NOUNS[kind]}")
        preposition = "" if self.bounds.startswith("from") else "of "
        return " or ".join(kinds) + (f" {preposition}{self.bounds}" if self.bounds else "")

    def checked(self, value: Any) -> Any:
        """The value in its type; UsageError if it is none, or out of bounds."""
        if value is None and self.optional:
            return None
        for kind in self.types:
            found = self.entries(value, get_args(kind)[0]) if get_origin(kind) is list else self.entry(value, kind)
            if found is not None:
                return found
        raise UsageError(f"{self.key} must be {self.rule}, got {value!r}")

    def entries(self, value: Any, kind: type) -> list[Any] | None:
        found = [self.entry(each, kind) for each in value] if isinstance(value, (list, tuple)) else [None]
        return None if None in found else found

    def entry(self, value: Any, kind: type) -> Any:
        """A single value in its type, within bounds and choices; None if it is not."""
        if kind is int and isinstance(value, float) and value.is_integer():
            value = int(value)  # people write 1e5 for 100_000
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind or (self.choices and value not in self.choices):
            return None
        return value if kind in (bool, str) or self.within(value) else None

    def within(self, value: float) -> bool:
        if self.more_than is not None and not value > self.more_than:
            return False
        if self.at_least is not None and not value >= self.at_least:
            return False
        limit = self.at_most if self.at_most is not None else math.inf
        bounded = self.more_than is not None or self.at_least is not None
        return value <= limit and not (bounded and math.isinf(value))


def option(default: Any = None, *, help: str, **limits: Any) -> Any:
    """A dataclass field that is an option.

    Args:
        default: its value where none is given; a list is copied for each instance.
        help: a line that teaches what it does, and in what unit.
        limits: at_least, at_most, more_than for numbers, choices for texts.
    """
    metadata = {"option": {"help": help, **limits}}
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def group(part: type, prefix: str | None = None, *, open: bool = False, help: str = "") -> Any:
    """A dataclass field that is a dataclass of options.

    Args:
        prefix: of their keys; None for the field's own name and a dot, as in algo.gamma.
        open: whether it takes keys that it does not list, which something else checks, such as an algorithm's class.
        help: a line on those keys.
    """
    metadata = {"group": {"prefix": prefix, "open": open, "help": help}}
    return dataclasses.field(default_factory=part, metadata=metadata)


def group_prefix(field: dataclasses.Field) -> str:
    """Prefix of the keys in a group's field."""
    own = field.metadata["group"]["prefix"]
    return f"{field.name}." if own is None else own


def walk(schema: type, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field, Any]]:
    """(key or prefix of keys, field, type) of all options and groups, a group before what is in it."""
    hints = get_type_hints(schema)
    for field in dataclasses.fields(schema):
        if "option" in field.metadata:
            yield f"{prefix}{field.name}", field, hints[field.name]
        elif "group" in field.metadata:
            inner = prefix + group_prefix(field)
            yield inner, field, hints[field.name]
            yield from walk(hints[field.name], inner)


def options(schema: type) -> dict[str, Option]:
    """All options of a dataclass by key, those of its groups included."""
    found = {}
    for key, field, kind in walk(schema):
        if "option" in field.metadata:
            default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
            found[key] = Option(key, kind, default, **field.metadata["option"])
    return found


def open_groups(schema: type) -> dict[str, str]:
    """Help on the keys that groups take beyond those that they list, by the prefix of these keys."""
    return {
        prefix: field.metadata["group"]["help"]
        for prefix, field, _ in walk(schema)
        if field.metadata.get("group", {}).get("open")
    }


def checked(schema: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by key, each in its option's type; keys of open groups that are not listed stay as they are.

    Raises:
        UsageError: a value is not what its option takes, or there is no option of its name.
    """
    known, free = options(schema), tuple(open_groups(schema))
    found = {}
    for key, value in values.items():
        if key in known:
            found[key] = known[key].checked(value)
        elif key.startswith(free):
            found[key] = value
        else:
            raise UsageError(unknown(key, known))
    return found


def made(schema: type, values: Mapping[str, Any], prefix: str = "") -> Any:
    """The dataclass of checked values by key; what is not among them has its default."""
    hints = get_type_hints(schema)
    arguments = {}
    for field in dataclasses.fields(schema):
        if "group" in field.metadata:
            arguments[field.name] = made(hints[field.name], values, prefix + group_prefix(field))
        elif f"{prefix}{field.name}" in values:
            arguments[field.name] = values[f"{prefix}{field.name}"]
    return schema(**arguments)


def unknown(key: str, known: Collection[str]) -> str:
    """One line on a key that is not there, with the nearest that are."""
    from robodl_envs import did_you_mean

    if inner := [each for each in known if each.endswith(f".{key}")]:
        return f"no key named {key!r}; did you mean {inner[0]}?"
    near = did_you_mean(key, known)
    plain = [each for each in known if "." not in each]
    return f"no key named {key!r}{near}; there are {', '.join(sorted(plain))}"


def described(schema: type) -> list[str]:
    """A line for each option: key and default, what it takes, and its help; then one for each open group."""
    lines = []
    for key, each in options(schema).items():
        default = "" if each.default is None else f"={each.default}".replace(" ", "").replace("True", "true")
        shown = f"{key}{default.replace('False', 'false')}"
        lines.append(f"  {shown:<30} {each.help} ({each.rule})")
    lines += [f"  {f'{prefix}<name>':<30} {help}" for prefix, help in open_groups(schema).items()]
    return lines
