"""Names of tasks and robots: those of other packages are found through their entry points and made like ours."""

import subprocess
import sys
import textwrap

import pytest

import robodl_envs
from tests.envs.plugins import install


def run(folder, code):
    """Run code with the plugins of a folder installed: what it printed, and its errors and warnings."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(folder)})
    return done.stdout, done.stderr


def test_a_plugins_task_is_found_by_its_entry_point(tmp_path):
    """Gymnasium knows its id once robodl_envs is imported; it is made by name, and by Gymnasium's module:id."""
    install(tmp_path)
    code = """
        import gymnasium
        import robodl_envs
        assert gymnasium.make("robodl/Hover-v0").unwrapped.task.height == 0.3
        env = robodl_envs.make("hover", height=0.2)
        assert env.reset(seed=0)[0]["desired_goal"][2].round(3) == 0.2
        spec = gymnasium.spec("robodl/Hover-v0")
        assert spec.max_episode_steps == 20
        assert gymnasium.make("hover_plugin:robodl/Hover-v0").unwrapped.task.height == 0.3
        print("fine")
    """
    output, errors = run(tmp_path, code)
    assert output == "fine\n", errors


def test_a_broken_plugin_is_named_in_one_warning_and_harms_nothing_else(tmp_path):
    install(tmp_path, "broken", "import robodl_envs.no_such_module")
    install(tmp_path)
    code = "from robodl_envs.gym_env import make; make('hover').reset(); print('fine')"
    output, errors = run(tmp_path, code)
    assert output == "fine\n", errors
    assert errors.count("UserWarning") == 1 and "plugin broken (broken_plugin) is left out" in errors
    assert "no_such_module" in errors


@pytest.mark.unit
def test_invalid_and_taken_names_are_refused():
    """Names are lower-case identifiers, and an existing one keeps its meaning."""
    with pytest.raises(ValueError, match="lower-case"):
        robodl_envs.register_task("My-Task", "somewhere:Task")
    with pytest.raises(ValueError, match="already"):
        robodl_envs.register_robot("panda", "somewhere:Robot")
