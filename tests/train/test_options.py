"""Options: what a field says is what is checked, read and documented."""

from dataclasses import dataclass

import pytest

from robodl import cli
from robodl.config import TrainConfig, imitation_config, settled
from robodl.options import UsageError, checked, described, group, option, options
from robodl.pretrain import PretrainConfig


@dataclass
class Inner:
    rate: float = option(0.5, help="a rate", at_least=0, at_most=1)
    free: int | None = option(help="a number that may be missing")


@dataclass
class Outer:
    """About it."""

    many: list[int] = option([1, 2], help="some numbers", at_least=1)
    size: int | list[int] = option(3, help="one or two")
    kind: str = option("a", help="a kind", choices=("a", "b"))
    where: str | None = option(help="a place")
    loud: bool = option(False, help="whether it is")
    length: float = option(1.0, help="in seconds", more_than=0, at_most=9)
    inner: Inner = group(Inner)
    flat: Inner = group(Inner, "flat_")
    open: Inner = group(Inner, open=True, help="anything")


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        ("many=[3,4]", "many", [3, 4]),
        ("many=3", "many", [3]),
        ("many=3,4", "many", [3, 4]),
        ("size=[1,2]", "size", [1, 2]),
        ("size=1e3", "size", 1000),
        ("where=a=b/c 7", "where", "a=b/c 7"),
        ("where='null'", "where", "null"),
        ("where=007", "where", "007"),
        ("where=null", "where", None),
        ("loud=true", "loud", True),
        ("length=2", "length", 2.0),
    ],
)
def test_words_become_values(word, key, value):
    found = getattr(cli.parse(Outer, [word], "outer"), key)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("many=[0]", r"many must be a list of integers of at least 1, got \[0\]"),
        ("many=[", r"can't read many=\[: "),
        ("size=x", "size must be an integer or a list of integers, got 'x'"),
        ("kind=c", "kind must be one of a, b, got 'c'"),
        ("loud=yes please", "loud must be true or false, got 'yes please'"),
        ("length=0", "length must be a number of more than 0 and at most 9, got 0"),
        ("length=nan", "length must be a number of more than 0 and at most 9, got nan"),
        ("inner.rate=true", "inner.rate must be a number from 0 to 1, got True"),
        ("flat_rate=2", "flat_rate must be a number from 0 to 1, got 2"),
        ("rate=1", r"no key named 'rate'; did you mean inner\.rate\?"),
        ("kinds=a", "no key named 'kinds'; did you mean 'kind'"),
        ("kind", "settings are key=value, such as seed=1, got 'kind'"),
        ("--kind=a", "settings are key=value"),
    ],
)
def test_wrong_words_are_refused_by_their_rule(word, line):
    with pytest.raises(UsageError, match=line):
        cli.parse(Outer, [word], "outer")


def test_values_are_converted_and_defaults_are_not_shared():
    values = checked(Outer, {"inner.rate": 1, "flat_free": 4, "kind": "b", "open.else": "as it is"})
    assert values == {"inner.rate": 1.0, "flat_free": 4, "kind": "b", "open.else": "as it is"}
    assert type(values["inner.rate"]) is float
    outer = cli.parse(Outer, ["kind=b"], "outer")
    assert (outer.inner.rate, outer.flat.free, outer.kind, outer.flat.rate) == (0.5, None, "b", 0.5)
    assert outer.many == [1, 2] and outer.many is not Outer().many


def test_help_shows_every_option(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.parse(Outer, ["--help"], "outer")
    shown = capsys.readouterr().out
    assert ended.value.code == 0 and "About it." in shown and "open.<name>" in shown and "anything" in shown
    for schema in (Outer, TrainConfig, PretrainConfig):
        lines = described(schema)
        for key, each in options(schema).items():
            (line,) = [line for line in lines if line.split()[0].partition("=")[0] == key]
            assert each.help in line and each.rule in line


def test_imitation_config_takes_old_keys_and_warns():
    algo = {"hidden": [8], "clone_rows": 4, "imitation_transitions": 100.0}
    with pytest.warns(FutureWarning, match=r"algo\.clone_rows is called algo\.imitation_rows now"):
        found = imitation_config(settled(TrainConfig, {"algo": algo}).algo)
    assert (found.rows, found.transitions, found.updates) == (4, 100, 1_500)
