"""`robodl.check`: what each mistake in a task with a memory breaks."""

import pytest

import robodl_envs
from robodl.evaluation.contract import check
from tests.test_docs import blocks
from tests.train.conftest import run

SAVED = "a saved state goes on to the same bits (all that changes is in `saved`)"
PICKLED = "a pickled environment goes on to the same bits"
ROWS = "row i of a batch seeded s is the single environment seeded s + i"
RESET = "a seeded reset forgets what was before"


@pytest.mark.parametrize(
    ("name", "right", "wrong", "broken"),
    [
        ("no_mistake", "", "", []),
        ("forgotten_reset", "        self.touched[ids] = 0.0\n", "", [RESET]),
        ("another_row", "self.touched)[ids]\n", "self.touched)[0]\n", [ROWS]),
        ("forgotten_saved", '    saved = ("touched",)', "    saved = ()", [SAVED, PICKLED]),
    ],
)
def test_a_mistake_breaks_its_promise(name, right, wrong, broken):
    """The expert acts in half of the rows, so that there is something to remember."""
    program = blocks("docs/tasks.md")[0]
    assert right in program
    exec(program.replace(right, wrong, 1 if right else 0).replace('"visit", Visit', f'"{name}", Visit'), {})
    assert robodl_envs.task_class(name).__name__ == "Visit"
    found = [promise for promise, problem in check({"task": name, "robot": "panda", "control": "tool"}) if problem]
    assert found == broken


def test_the_command_ends_with_the_rates(tmp_path):
    """Every promise is a line, and the success of expert, random and zero actions the last."""
    done = run("robodl.check", "env=reach", "robot=panda", "control=tool", "episodes=5", cwd=tmp_path)
    assert done.stdout.count("  ok ") == 11 and "BROKEN" not in done.stdout
    assert "success of 5 episodes: expert 100%, random 0%, zero 0%" in done.stdout
    assert run("robodl.check", cwd=tmp_path, check=False).stderr == "error: give env=<task>, such as env=push\n"
