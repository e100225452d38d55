"""Learning rates of runs that are prolonged."""

import numpy as np
import pytest

from robodl.learning.annealing import go_on
from robodl.options import UsageError
from tests.train.conftest import SMALL, model_of, run


def test_a_prolonged_run_says_how_its_learning_rate_jumps(composed, capsys):
    """The line is over all steps, so more of them raise the rate; with anneal_to it goes on from where it is."""
    model = model_of(composed("env=reach", "++algo.anneal=true", "++algo.learning_rate=1e-3"))
    model.num_timesteps = 9_000
    go_on(model, 10_000, 10_000, None, None)
    assert not capsys.readouterr().err and model.lr_schedule(0.1) == pytest.approx(1e-4)
    go_on(model, 18_000, 10_000, None, None)
    assert "it goes on at 0.0005 after 0.0001; algo.anneal_to=0 lowers it" in capsys.readouterr().err
    go_on(model, 18_000, 10_000, [1e-3, 0.0], 1e-5)
    assert not capsys.readouterr().err
    assert model.lr_schedule(0.5) == pytest.approx(1e-4)  # at step 9,000 of 18,000
    assert model.lr_schedule(0.0) == pytest.approx(1e-5) == model.lr_schedule(-0.1)


def test_a_constant_learning_rate_has_no_end(composed):
    with pytest.raises(UsageError, match=r"algo\.anneal_to is for a run whose learning rate is annealed"):
        go_on(model_of(composed("env=reach")), 10, 10, None, 0.0)
    with pytest.raises(ValueError, match=r"algo\.anneal=true"):
        model_of(composed("env=reach", "++algo.anneal_to=1e-5"))


def test_the_line_is_part_of_the_state(tmp_path):
    """Prolonged with anneal_to, a run that is stopped goes on along the same line without it."""
    run("robodl.train", "env=reach", "name=x", "algo.anneal=true", *SMALL, cwd=tmp_path)
    more = ("resume=runs/reach/x", "total_timesteps=4096", "test_episodes=5")
    done = run("robodl.train", *more, "algo.anneal_to=1e-5", cwd=tmp_path)
    assert not done.stderr
    with np.load(tmp_path / "runs/reach/x/checkpoints/last.npz") as file:
        line = [float(file[f"extra|learning_rate|{i}"]) for i in range(2)]
    assert line == pytest.approx([-1e-5, 1e-5])  # 0 at step 2,048, where it was
    done = run("robodl.train", *more[:1], "total_timesteps=5120", "test_episodes=5", cwd=tmp_path)
    assert "it goes on at 6e-06 after 1e-05" in done.stderr
