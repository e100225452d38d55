"""Tables of observables, of a state or of a goal, and how two lists of them differ."""

from collections.abc import Sequence

from robodl.documentation.markdown import bullets, code, numbers, table
from robodl_envs import Observable

Observables = Sequence[Observable]


def observables_table(observables: Observables) -> str:
    """A row for each, with its columns in the vector of them all."""
    rows, first = [], 0
    for each in observables:
        columns = f"`{first}:{first + each.size}`"
        rows.append((f"`{each.name}`", columns, each.size, each.unit, bounds(each), each.meaning))
        first += each.size
    return table(["name", "columns", "size", "unit", "bounds", "meaning"], rows)


def bounds(observable: Observable) -> str:
    """An observable's bounds: one pair where its numbers share it, else all of them."""
    low, high = observable.bounds
    if (low == -high).all():
        return f"±{numbers(high)}"
    alike = bool((low == low[0]).all() and (high == high[0]).all())
    return f"{numbers(low, alike)} to {numbers(high, alike)}"


def exceptions(ours: Observables, others: dict[str, Observables]) -> str:
    """A line for each of the others, by the setting that makes it, that differs; "" where none does."""
    lines = [f"`{name}`: {'; '.join(words)}" for name, theirs in others.items() if (words := differences(ours, theirs))]
    return f"Different with\n\n{bullets(lines)}" if lines else ""


def differences(ours: Observables, theirs: Observables) -> list[str]:
    """Differences of others from ours in words: added, missing, of another size or range."""
    known = {each.name: each for each in ours}
    lines = []
    for each in theirs:
        twin = known.pop(each.name, None)
        if twin is None or twin.unit != each.unit:
            lines.append(f"`{each.name}` has size {each.size}, {bounds(each)} {each.unit}, {each.meaning}")
        elif twin.size != each.size:
            lines.append(f"`{each.name}` has size {each.size}, {bounds(each)}")
        elif bounds(twin) != bounds(each):
            lines.append(f"`{each.name}` is {bounds(each)}")
    return lines + [f"no {code(name)}" for name in known]
