"""Bad input to our commands: one clear line, exit code 2, no folder."""

import json
import shutil
import textwrap

import pytest

from tests.train.conftest import run, run_warm

CASES = [
    ("train", ["env=reech"], ["no env named 'reech'", "did you mean 'reach'"]),
    ("train", ["robot=pandda"], ["no robot named 'pandda'", "panda"]),
    ("train", ["algo=poo"], ["no algo named 'poo'", "ppo"]),
    ("train", ["sed=1"], ["no key named 'sed'", "seed"]),
    ("train", ["learning_rate=0.1"], ["did you mean algo.learning_rate?"]),
    ("train", ["--env", "reach"], ["key=value", "--env"]),
    ("train", ["seed=x"], ["seed must be an integer of at least 0, got 'x'"]),
    ("train", ["algo.n_step=3"], ["n_step", "n_steps"]),
    ("train", ["env.radios=3"], ["radios", "radius"]),
    ("train", ["env.radius=-1"], ["radius must be more than 0 m and less than 10 m, got -1"]),
    ("train", ["control_dt=0.03"], ["0.004", "nearest: 0.032"]),
    ("train", ["timestep=0.02"], ["timestep must be from 0.0005 to 0.01 s, got 0.02"]),
    ("evaluate", ["env=reach", "policy=zero", "timestep=0.007"], ["multiple of the timestep 0.007 s", "0.042"]),
    ("demos", ["env=reach", "timestep=1"], ["timestep must be from 0.0005 to 0.01 s, got 1"]),
    ("bench", ["timestep=0"], ["timestep must be from 0.0005 to 0.01 s, got 0"]),
    ("train", ["num_envs=0"], ["num_envs must be an integer of at least 1, got 0"]),
    ("train", ["algo.gamma=2"], ["algo.gamma must be a number from 0 to 1, got 2"]),
    ("train", ["algo.hidden=12"], ["algo.hidden", "12"]),
    ("train", ["algo._target_=os.system"], ["_target_", "os.system"]),
    ("train", ["device=tpu9"], ["device must be auto, cpu or cuda"]),
    ("train", ["control_dt=inf"], ["control_dt must be a multiple", "inf"]),
    ("train", ["algo._target_=sb3_contrib.nope.TQC"], ["sb3_contrib.nope"]),
    ("train", ["algo=sac", "algo.her=-1"], ["algo.her", "-1"]),
    ("train", ["algo.n_epochs=0"], ["algo.n_epochs must be an integer of at least 1"]),
    ("train", ["device=meta"], ["device must be auto, cpu or cuda"]),
    ("train", ["env.wrappers=[1]"], ["no setting named 'wrappers'"]),
    ("train", ["observation=image", "cameras=[fromt]"], ["no image named 'fromt'", "front"]),
    (
        "train",
        ["observation=image", "encoder=nature"],
        ["encoder=nature needs images of at least 36 pixels, got 32 x 32"],
    ),
    ("train", ["observation=image", "algo=sac"], ["algo.her=4", "algo=pixel_sac"]),
    ("train", ["reward=shaped", "algo=sac"], ["algo.her=4", "reward=shaped"]),
    ("train", ["algo=sac", "algo.buffer_size=100"], ["algo.buffer_size must hold two episodes", "got 100"]),
    ("train", ["algo=pixel_sac"], ["algo=pixel_sac learns from images", "observation=image"]),
    (
        "train",
        ["observation=image", "encoder.weights=none.safetensors"],
        ["encoder.weights", "there is no none.safetensors"],
    ),
    ("train", ["encoder.weights=none.safetensors"], ["encoder.weights is for images"]),
    ("train", ["encoder=smal"], ["no encoder named 'smal'", "small"]),
    ("train", ["observation=image", "encoder.wieghts=x"], ["no key named 'encoder.wieghts'", "encoder.weights"]),
    ("train", ["observation=pixels"], ["observation must be one of state, image, image+state, got 'pixels'"]),
    ("train", ["observation=image", "randomize.colours=1"], ["randomize has no 'colours'", "colors"]),
    ("train", ["observation=image", "image_size=[32,x]"], ["image_size must be"]),
    ("train", ["randomize=fysics"], ["no randomize named 'fysics'", "physics"]),
    ("train", ["randomize.fricton=0.1"], ["randomize has no 'fricton'", "'friction'"]),
    ("train", ["randomize=physics", "randomize.mass=-1"], ["randomize.mass must be a number from 0 to 0.9, got -1"]),
    ("train", ["randomize.action_latency=0.5"], ["randomize.action_latency must be an integer from 0 to 3, got 0.5"]),
    (
        "train",
        ["observation=image", "algo=pixel_sac", "algo.demonstrations=100", "control=joint"],
        ["experts act by control='tool'"],
    ),
    (
        "train",
        ["observation=image", "algo=pixel_sac", "algo.shift=-1"],
        ["algo.shift must be an integer of at least 0"],
    ),
    ("train", ["algo._init_setup_model=false"], ["no setting named '_init_setup_model'"]),
    ("train", ["observation=image", "encoder.frozen=nope"], ["encoder.frozen must be true or false, got 'nope'"]),
    ("train", ["observation=image", "encoder.frozen=true"], ["encoder.frozen=true needs encoder.weights"]),
    ("train", ["experiment=reach_pixel"], ["no experiment named 'reach_pixel'", "reach_pixels"]),
    ("pretrain", ["data=mnist"], ["data=mnist needs data.root=<folder with IDX files>"]),
    ("pretrain", ["data=mnist", "data.root=nowhere"], ["there is no folder nowhere"]),
    ("pretrain", ["data=mnist", "data.root=."], ["has no IDX files"]),
    ("pretrain", ["data=mnits"], ["no data named 'mnits'", "mnist"]),
    ("pretrain", ["data.label=goal"], ["data.label must be one of", "desired_goal"]),
    ("pretrain", ["data.frame=500"], ["data=sim has no setting named 'frame'", "frames"]),
    ("pretrain", ["data.name=foo"], ["data.name must be one of sim, mnist, digits, got 'foo'"]),
    ("pretrain", ["observation=image"], ["observation must be one of image+state, got 'image'"]),
    ("pretrain", ["data.motion=walk"], ["data.motion must be one of random, still, expert, got 'walk'"]),
    ("train", ["total_timesteps=0"], ["total_timesteps=0 is for imitation alone", "algo.imitation_transitions"]),
    ("evaluate", ["env=reach", "policy=zero", "motion=fast"], ["motion must be one of own, still, random, got 'fast'"]),
    ("evaluate", ["env=reach", "policy=zero", "sight=dim"], ["sight must be one of own, noise, got 'dim'"]),
    (
        "evaluate",
        ["env=reach", "policy=kalman"],
        ["policy must be one of expert, random, zero, zoo here, got 'kalman'"],
    ),
    ("pretrain", ["data.frames=3"], ["data.frames must be an integer of at least 100, got 3"]),
    ("pretrain", ["encoder=nature"], ["encoder=nature needs images of at least 36 pixels"]),
    ("pretrain", ["epochs=0"], ["epochs must be an integer of at least 1, got 0"]),
    ("pretrain", ["epoch=1"], ["no key named 'epoch'", "epochs"]),
    ("pretrain", ["cameras=[fromt]"], ["no image named 'fromt'", "front"]),
    ("doctor", ["seconds=0"], ["seconds must be a number of more than 0 and at most 60, got 0"]),
    ("bench", ["seconds=nan"], ["seconds must be a number of more than 0 and at most 600, got nan"]),
    ("bench", ["num_envs=["], ["num_envs=["]),
    ("bench", ["observation=image", "control=joint"], ["num_envs=[64]"]),
    (
        "train",
        ["algo.demonstrations=100"],
        ["go into a replay buffer", "algo.imitation_transitions"],
    ),
    ("train", ["algo.imitation_transitions=100", "control=joint"], ["experts act by control='tool'"]),
    ("train", ["algo.dataset=robodl/reach/none-v0"], ["give one of them"]),
    ("train", ["algo.imitation_transitions=100", "algo.dataset=robodl/reach/none-v0"], ["robodl/reach/none-v0"]),
    ("train", ["train_env.radios=0.1"], ["train_env takes the settings of reach", "did you mean 'radius'"]),
    ("train", ["train_env.control=joint"], ["train_env takes the settings of reach, and max_episode_steps"]),
    ("train", ["algo.imitation_teacher=zoo"], ["algo.imitation_teacher labels", "give algo.imitation_transitions"]),
    (
        "train",
        ["robot=ur5e", "algo.imitation_transitions=100", "algo.imitation_teacher=zoo"],
        ["the zoo has no policy of reach with ur5e", "reach (panda)"],
    ),
    (
        "train",
        ["algo.imitation_transitions=100", "algo.imitation_teacher=zoo", "control=joint"],
        ["algo.imitation_teacher=zoo has control=tool, not joint"],
    ),
    (
        "train",
        ["algo.imitation_transitions=100", "algo.imitation_teacher=runs/none"],
        ["no run folder at runs/none"],
    ),
    (
        "train",
        ["algo.imitation_transitions=100", "algo.imitation_state_weight=1"],
        ["algo.imitation_state_weight is of what images show", "give observation=image"],
    ),
    (
        "train",
        ["observation=image+state", "algo.imitation_transitions=100", "algo.imitation_state_weight=1"],
        ["algo.imitation_state_weight is of what images show", "give observation=image"],
    ),
    ("train", ["algo.critic_warmup_steps=100"], ["algo.critic_warmup_steps is for PPO after imitation"]),
    ("train", ["algo.target_kl=abc"], ["algo.target_kl must be a number of at least 0, got 'abc'"]),
    ("train", ["env=push", "control=joint"], ["control='tool'", "algo=ppo"]),
    (
        "train",
        ["algo.imitation_transitions=-1"],
        ["imitation_transitions must be an integer of at least 0, got -1"],
    ),
    ("train", ["algo.activation=sigmoid"], ["algo.activation must be one of tanh, relu, got 'sigmoid'"]),
    ("pretrain", ["algo=sac"], ["no key named 'algo'"]),
    ("train", ["algo=sac", "algo.buffer_size=100_000_000_000"], ["more memory than there is", "smaller buffer"]),
    ("train", ["algo.hidden=[1_000_000,1_000_000]"], ["more memory than there is", "smaller images or networks"]),
    ("train", ["num_envs=10_000_000"], ["num_envs must be at most 1,000,000", "10,000,000"]),
    ("train", ["algo=sac", "total_timesteps=500"], ["nothing would be learnt", "algo.learning_starts", "500"]),
    ("train", ["algo.anneal=nope"], ["algo.anneal must be true or false, got 'nope'"]),
    ("evaluate", ["env=reach", "policy=zero", "output=no/where.json"], ["no folder", "no/where.json"]),
    ("evaluate", ["env=reach", "policy=zero", "video=a.avi"], [".mp4 or .gif"]),
    ("evaluate", ["run=x", "control=joint"], ["go with env="]),
    ("evaluate", ["run=x", "env.radius=0.1"], ["env.<setting>= go with env="]),
    ("evaluate", ["env=reach", "policy=zero", "env.radios=0.1"], ["no setting named 'radios'", "radius"]),
    ("evaluate", ["env=reach", "policy=zero", "against=exprt"], ["one of expert, random, zero, zoo, got 'exprt'"]),
    ("evaluate", ["env=reach", "policy=zero", "failures=no.file/x/", "output=no/where.json"], ["no/where.json"]),
    ("train", ["resume=nowhere"], ["no run folder at nowhere"]),
    ("train", ["name=a/b"], ["name must be"]),
    ("train", ["-m", "env.radius=choice(0.02,-1)"], ["radius must be more than 0 m", "got -1"]),
    ("train", ["-m", "algo.gamma=interval(0.5,2)"], ["algo.gamma must be a number from 0 to 1, got 2"]),
    ("train", ["-m", "seed=shuffle(range(-1,1))"], ["seed must be an integer of at least 0, got -1"]),
    ("train", ["hydra.run.dir=here"], ["hydra.run.dir is not used", "name="]),
    ("train", ["algo.ent_coef=x", "algo=sac"], ["could not convert string to float"]),
    ("train", ["-m", "seed=0,-1"], ["seed must be an integer of at least 0, got -1"]),
    ("evaluate", ["run=nowhere"], ["no run folder at nowhere"]),
    ("evaluate", ["env=reech", "policy=zero"], ["no task named 'reech'", "reach"]),
    ("evaluate", ["env=reach", "policy=exprt"], ["policy must be one of", "'exprt'"]),
    ("evaluate", [], ["run=<folder> or env=<task>"]),
    ("evaluate", ["episods=3"], ["'episods'", "episodes"]),
    ("suite", ["env=[reech]"], ["no task named 'reech'", "reach"]),
    ("suite", ["robot=pandda"], ["no robot named 'pandda'", "did you mean 'panda'"]),
    ("suite", ["policy=[best]"], ["policy must be a list of expert, random, zero, got ['best']"]),
    ("suite", ["episodes=0"], ["episodes must be an integer of at least 1, got 0"]),
    ("suite", ["env=[stack]", "robot=[so101]"], ["robot=so101 does not do stack: it needs fingers that stay parallel"]),
    ("suite", ["output=no/where.json"], ["no folder", "no/where.json"]),
    ("suite", ["env={a: 1}"], ["env must be a list of texts", "{'a': 1}"]),
    ("demos", [], ["env=<task> or replay=<name of a dataset>"]),
    ("demos", ["env=reech"], ["no task named 'reech'", "did you mean 'reach'"]),
    ("demos", ["env=reach", "n=0"], ["n must be an integer of at least 1, got 0"]),
    ("demos", ["env=reach", "noise=-1"], ["noise must be a number of at least 0, got -1"]),
    ("demos", ["env=reach", "noise=nan"], ["noise must be a number of at least 0, got nan"]),
    ("demos", ["env=reach", "seed=2000000000"], ["seed must be an integer from 0 to 1073741823, got 2000000000"]),
    ("demos", ["env=reach", "control=joint"], ["experts act by control='tool', got control='joint'"]),
    ("demos", ["env=reach", "robot=pandda"], ["no robot named 'pandda'", "panda"]),
    ("demos", ["env=reach", "reward=sprase"], ["reward must be one of dense, sparse, shaped", "'sprase'"]),
    ("demos", ["env=reach", "name=mine"], ["a dataset's name is like robodl/push/expert-v0", "'mine'"]),
    ("demos", ["env=reach", "name=../up-v0"], ["a dataset's name is like robodl/push/expert-v0", "'../up-v0'"]),
    ("demos", ["replay=robodl/reach/expert-v0", "n=3"], ["n= goes with env="]),
    ("pages", ["env=[reech]", "output=pages"], ["no task named 'reech'", "reach"]),
    ("pages", ["output=no/where"], ["no folder", "no/where"]),
    ("pages", ["check=maybe"], ["check", "maybe"]),
    ("bench", ["control=x"], ["control must be one of joint, tool"]),
    ("bench", ["num_envs=[0]"], ["num_envs", "at least 1"]),
    ("bench", ["reach"], ["key=value", "'reach'"]),
]


@pytest.mark.parametrize(("command", "arguments", "words"), CASES, ids=[f"{c}-{' '.join(a)}" for c, a, _ in CASES])
def test_one_line_and_exit_code_2(command, arguments, words, tmp_path):
    done = run_warm(f"robodl.{command}", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]
    assert not done.stdout and not list(tmp_path.iterdir())


BUGGY = """
    import robodl_envs
    from robodl_envs.tasks.reach import Reach

    class Buggy(Reach):
        def bind(self, sim):
            super().bind(sim)
            self.spot = sim.mocap_pos("spot")  # there is none

    robodl_envs.register_task("buggy", Buggy)
"""


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_bug_in_a_task_is_a_traceback(command, tmp_path):
    """A wrong name in somebody's task shows the line that has it, exit code 1; no folder is made."""
    plugin = tmp_path / "plugin"
    (plugin / "buggy-1.0.dist-info").mkdir(parents=True)
    (plugin / "buggy_task.py").write_text(textwrap.dedent(BUGGY))
    (plugin / "buggy-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: buggy\nVersion: 1.0\n")
    (plugin / "buggy-1.0.dist-info/entry_points.txt").write_text("[robodl.plugins]\nbuggy = buggy_task\n")
    (tmp_path / "work").mkdir()
    words = ["env=buggy"] + (["policy=zero"] if command == "evaluate" else [])
    done = run(f"robodl.{command}", *words, cwd=tmp_path / "work", check=False, PYTHONPATH=str(plugin))
    assert done.returncode == 1 and "Traceback" in done.stderr
    assert 'self.spot = sim.mocap_pos("spot")' in done.stderr and not done.stderr.startswith("error:")
    assert not list((tmp_path / "work").iterdir())


@pytest.fixture
def spoilt(trained, tmp_path):
    """A function: spoil a copy of the trained run, call a command on it, and return the one line that refuses it."""

    def refused(change, command, *arguments):
        folder = tmp_path / "run"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(trained / "runs/reach/small", folder)
        change(folder / "checkpoints")
        before = sorted(folder.rglob("*"))
        done = run_warm(f"robodl.{command}", *(word.format(run=folder) for word in arguments), cwd=tmp_path)
        assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert sorted(folder.rglob("*")) == before
        return done.stderr

    return refused


def edited(name, change):
    """A change that rewrites the configuration in a checkpoint's JSON file."""

    def apply(checkpoints):
        path = checkpoints / name
        content = json.loads(path.read_text())
        change(content["config"])
        path.write_text(json.dumps(content))

    return apply


def test_damaged_policies_are_refused(spoilt):
    """A truncated tensor file, one of another network, and a JSON that names a foreign class: one line each."""

    def cut(checkpoints):
        path = checkpoints / "best.safetensors"
        path.write_bytes(path.read_bytes()[:100])

    def broken(change):
        return spoilt(change, "evaluate", "run={run}", "episodes=2")

    assert "best" in broken(cut)
    assert "does not fit" in broken(edited("best.json", lambda config: config["algo"].update(hidden=[8])))
    assert "os.system" in broken(edited("best.json", lambda config: config["algo"].update(_target_="os.system")))
    assert "best.json" in broken(lambda checkpoints: (checkpoints / "best.json").unlink())


def test_runs_that_cannot_be_resumed(spoilt):
    """No training state, a foreign setting or key, a damaged file: refused before anything is written."""

    def refused(change):
        return spoilt(change, "train", "resume={run}", "total_timesteps=4096")

    assert "last.npz" in refused(lambda folder: [(folder / name).unlink() for name in ("last.npz", "before.npz")])
    assert "radios" in refused(edited("last.json", lambda config: config["env"].update(radios=1)))
    assert "unheard" in refused(edited("last.json", lambda config: config.update(unheard=1)))
    assert "damaged" in refused(
        lambda folder: [(folder / name).write_text("{}") for name in ("last.json", "before.json")]
    )
