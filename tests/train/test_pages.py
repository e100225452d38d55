"""Pages on environments: up to date, whole, and the same for other packages' tasks."""

import dataclasses
import inspect
import json
from pathlib import Path

import pytest

from robodl import pages
from robodl.documentation import sources
from robodl.documentation.environment_pages import differences, environment_pages
from robodl.documentation.sources import described, settings
from robodl_envs import make, task_class
from robodl_envs.randomization.settings import Randomize
from robodl_envs.tasks.task import Task
from tests.envs.plugins import install
from tests.train.conftest import python_path, run

ROOT = Path(__file__).parents[2]
SUITE = [
    {"env": "reach", "robot": "panda", "policy": policy, "success_rate": rate, "success_low": low, "success_high": high}
    | {"episodes": 200, "steps_to_success": steps, "steps_to_success_95": 12 if steps else None}
    for policy, rate, low, high, steps in [("expert", 1.0, 0.981, 1.0, 8.5), ("zero", 0.005, 0.0009, 0.0278, None)]
]
TRAINED = {"env": "reach", "robot": "panda", "algo": "ppo", "seed": 3, "steps": 32768, "train_seconds": 9.8} | {
    "success_rate": 1.0,
    "success_low": 0.9924,
    "success_high": 1.0,
    "episodes": 500,
    "command": "python -m robodl.train env=reach seed=3",
}


def texts(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_committed_pages_are_up_to_date(tmp_path):
    """The pages in docs are what `python -m robodl.pages` makes: after a change of code, run it and commit them."""
    run("robodl.pages", f"output={tmp_path}/pages", cwd=ROOT)
    assert texts(tmp_path / "pages") == texts(ROOT / "docs/environments")
    ours = [path.stem for path in (ROOT / "conf/env").glob("*.yaml")]  # other tests register tasks in this process
    assert set(texts(tmp_path / "pages")) == {"README.md", *(f"{task}.md" for task in ours)}


def test_check(tmp_path, capsys):
    """Checking writes nothing: exit code 1 with one line that names a page that is not up to date, or of nothing."""

    def go(check):
        pages.pages(pages.Options(output=f"{tmp_path}/pages", results=str(tmp_path), check=check))

    go(check=False)
    go(check=True)
    made = texts(tmp_path / "pages")
    (tmp_path / "pages/reach.md").write_bytes(made["reach.md"].replace(b"Success", b"Luck"))
    (tmp_path / "pages/juggle.md").write_bytes(made["reach.md"])
    (tmp_path / "pages/notes.md").write_text("somebody's own")
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        go(check=True)
    error = capsys.readouterr().err
    assert ended.value.code == 1 and error.startswith("error: ") and error.count("\n") == 1
    assert f"{tmp_path}/pages/juggle.md, {tmp_path}/pages/reach.md;" in error and "notes.md" not in error
    go(check=False)
    assert texts(tmp_path / "pages") == {**made, "notes.md": b"somebody's own"}


def test_a_page_of_somebody_else_is_not_overwritten(tmp_path):
    (tmp_path / "README.md").write_text("# My project")
    with pytest.raises(ValueError, match=r"README\.md in .* was not made by robodl\.pages"):
        pages.pages(pages.Options(env=["reach"], output=str(tmp_path)))
    assert texts(tmp_path) == {"README.md": b"# My project"}


def test_a_page_tells_all(task):
    """Every field, setting and robot is on a task's page, and what its success and rewards are is described."""
    text = environment_pages([task], Path("nowhere"), Path("nowhere"))[f"{task}.md"]
    batch = make(task).batch
    names = [each.name for each in (*batch.state_observables, *batch.task.goal_observables())]
    names += [field.name for field in dataclasses.fields(task_class(task))]
    for name in names:
        assert f"| `{name}` |" in text
    own = batch.metrics()
    assert ("## Metrics" in text) == bool(own) and all(f"`{name}`" in text for name in own)
    if batch.perception is not None:
        first = batch.robot.action_size
        for output in batch.perception.outputs():
            assert f"| `{first}:{first + output.size}` | {output.meaning} |" in text
            first += output.size
    for name in ("panda", "so101", "ur5e"):
        assert f"| `{name}` | does it |" in text or f"| `{name}` | refused: " in text
    assert inspect.cleandoc(task_class(task).__doc__) in text
    assert "not described" not in text and "## Results" not in text and "](../../videos" not in text
    for setting in (*settings(task_class(task)), *settings(Randomize)):
        assert setting.comment and setting.default


def test_results(tmp_path):
    """Measured results are shown where they are: on their task's page and, an expert's, on the index."""
    (tmp_path / "suite.json").write_text(json.dumps({"seed": 0, "rows": SUITE, "commit": "abc", "machine": {}}))
    (tmp_path / "trained.json").write_text(json.dumps([TRAINED]))
    (tmp_path / "reach.gif").touch()
    made = environment_pages(["reach", "push"], tmp_path, tmp_path)
    reach = made["reach.md"]
    assert "| `panda` | 100 % (98.1 % to 100 %) | 8.5, at most 12 |  | 0.5 % (0.1 % to 2.8 %) |" in reach
    assert "| `panda` | ppo | 3 | 32,768 | 10 s | 100 % (99.2 % to 100 %) of 500 |" in reach
    assert "python -m robodl.suite episodes=200 output=docs/results/suite.json" in reach and "commit abc" in reach
    assert "python -m robodl.train env=reach seed=3" in reach and "](../../videos/reach.gif)" in reach
    assert "## Results" not in made["push.md"] and "`panda` (100 %)" in made["README.md"]
    assert "metrics" not in reach
    own = {**TRAINED, "metrics": {"accuracy": 0.96123, "steps_used": 13.0}}
    (tmp_path / "trained.json").write_text(json.dumps([TRAINED, own]))
    reach = environment_pages(["reach"], tmp_path, tmp_path)["reach.md"]
    assert "of 500 | accuracy 0.9612, steps_used 13 |" in reach and "of 500 |  |" in reach


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("suite.json", "[", "suite.json is not JSON"),
        ("suite.json", "[]", "suite.json is not what robodl.suite writes"),
        ("trained.json", "{}", "trained.json has no list of rows"),
        ("trained.json", '[{"env": "reach"}]', "trained.json: row 0 has no robot, algo"),
    ],
)
def test_results_that_are_none(name, content, words, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=words):
        pages.pages(pages.Options(env=["reach"], output=str(tmp_path / "pages"), results=str(tmp_path)))
    assert not (tmp_path / "pages").exists()


def test_pages_on_tasks_of_other_packages(tmp_path):
    """A task that a plugin brings, without docstrings and comments, has its page and an index of its own."""
    install(tmp_path)
    run("robodl.pages", "env=[hover]", "output=pages", cwd=tmp_path, PYTHONPATH=python_path(tmp_path))
    text = (tmp_path / "pages/hover.md").read_text()
    assert "`robodl/Hover-v0`" in text and "| `height` | `0.3` |  |" in text and "lasts 20 steps" in text
    assert "not described" in text and "Hover(" not in text
    assert set(texts(tmp_path / "pages")) == {"README.md", "hover.md"}


def test_a_bar_in_a_comment_does_not_part_a_cell(monkeypatch):
    def settings(cls):
        return [sources.Setting("one", "1 | 2", "left | right")]

    monkeypatch.setattr(sources, "settings", settings)
    text = environment_pages(["reach"], Path("nowhere"), Path("nowhere"))["reach.md"]
    assert "| `one` | `1 \\| 2` | left \\| right |" in text


def test_a_comment_is_found_where_its_field_ends():
    """Whatever its default is, and on however many lines."""
    comments = {setting.name: (setting.default, setting.comment) for setting in settings(Commented)}
    assert comments == {"hashed": ("'# é'", "first"), "spread": ("(1, 2)", "second"), "bare": ("0", "")}


@dataclasses.dataclass
class Commented:
    hashed: str = "# é"  # first
    spread: tuple = (
        1,
        2,
    )  # second
    bare: int = 0


def test_an_override_without_docstring_is_not_described():
    """The base class's description of its reward is not told of another."""

    class Bare(Task):
        def reward(self, achieved, desired):
            return 0.0 * achieved

    assert described(Bare, "reward") == "not described" != described(Task, "reward")


def test_differences_are_told():
    panda, so101 = (make("pick_and_place", robot=robot).batch.state_observables for robot in ("panda", "so101"))
    assert differences(panda, panda) == []
    told = " ".join(differences(panda, so101))
    assert "`qpos` has size 5" in told and "`jaw` has size 1" in told and "no `fingers`" in told
