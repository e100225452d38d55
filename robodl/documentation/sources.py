"""Documentation in source code: docstrings, and the comments that trail a dataclass's fields."""

import ast
import dataclasses
import inspect
import textwrap
from typing import NamedTuple


class Setting(NamedTuple):
    """A field of a dataclass: its name, its default as code, and the comment behind it."""

    name: str
    default: str
    comment: str


def settings(cls: type) -> list[Setting]:
    """The fields that a dataclass is made with, in order."""
    comments: dict[str, str] = {}
    for owner in reversed(cls.__mro__):
        comments |= trailing_comments(owner)
    return [
        Setting(field.name, default_of(field), comments.get(field.name, ""))
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]  # a dataclass
        if field.init
    ]


def default_of(field: dataclasses.Field) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return repr(field.default_factory())
    return "" if field.default is dataclasses.MISSING else repr(field.default)


def trailing_comments(cls: type) -> dict[str, str]:
    """The comment on the line where each annotated name of a class's body ends; none where there is no source."""
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):  # written at a prompt, or in C
        return {}
    (body,) = ast.parse(source).body
    assert isinstance(body, ast.ClassDef)
    lines, comments = source.encode().splitlines(), {}  # columns count bytes
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            assert node.end_lineno is not None
            if comment := lines[node.end_lineno - 1][node.end_col_offset :].decode().strip().lstrip("# "):
                comments[node.target.id] = comment
    return comments


def described(cls: type, method: str) -> str:
    """The first paragraph of the docstring of a class's method, not of the one that it overrides, on one line."""
    return first_paragraph(getattr(cls, method).__doc__) or "not described"


def docstring(cls: type) -> str:
    """A class's own docstring, without indentation; "" where there is none but what dataclass makes up."""
    text = inspect.cleandoc(cls.__doc__ or "")
    return "" if text.startswith(f"{cls.__name__}(") else text


def first_paragraph(text: str | None) -> str:
    """On one line."""
    return " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())
