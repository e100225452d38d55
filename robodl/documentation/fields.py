"""Tables of what an observation or a goal consists of, and how two of them differ."""

from collections.abc import Sequence
from typing import Any

from robodl.documentation.markdown import bullets, code, numbers, table

Fields = Sequence[Any]  # robodl_envs.component.Field


def fields_table(fields: Fields) -> str:
    rows, first = [], 0
    for field in fields:
        size = field.bounds.shape[1]
        rows.append((f"`{field.name}`", f"`{first}:{first + size}`", size, field.unit, span(field), field.meaning))
        first += size
    return table(["name", "columns", "size", "unit", "bounds", "meaning"], rows)


def span(field) -> str:
    """A field's bounds: one pair where its numbers share it, else all of them."""
    low, high = field.bounds
    if (low == -high).all():
        return f"±{numbers(high)}"
    alike = bool((low == low[0]).all() and (high == high[0]).all())
    return f"{numbers(low, alike)} to {numbers(high, alike)}"


def exceptions(ours: Fields, others: dict[str, Fields]) -> str:
    """A line for each of the others, by the setting that makes it, that differs; nothing where none does."""
    lines = [f"`{name}`: {'; '.join(lines)}" for name, fields in others.items() if (lines := differences(ours, fields))]
    return f"Different with\n\n{bullets(lines)}" if lines else ""


def differences(ours: Fields, theirs: Fields) -> list[str]:
    """Differences of other fields from ours in words: added, missing, of another size or range."""
    known = {field.name: field for field in ours}
    lines = []
    for field in theirs:
        size, twin = field.bounds.shape[1], known.pop(field.name, None)
        if twin is None or twin.unit != field.unit:
            lines.append(f"`{field.name}` has size {size}, {span(field)} {field.unit}, {field.meaning}")
        elif twin.bounds.shape[1] != size:
            lines.append(f"`{field.name}` has size {size}, {span(field)}")
        elif span(twin) != span(field):
            lines.append(f"`{field.name}` is {span(field)}")
    return lines + [f"no {code(name)}" for name in known]
