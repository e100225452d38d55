"""Randomised physics: each setting changes the fields that it says, within its range, and nothing else."""

import mujoco
import numpy as np
import pytest
from mujoco.batch import MODEL_FIELDS

from robodl_envs import make_vec

# What MuJoCo derives from masses.
DERIVED = {"body_subtreemass", "body_invweight0", "dof_invweight0", "dof_M0", "actuator_acc0", "light_poscom0"}
SHARES = [
    ("mass", {"body_mass", "body_inertia"} | DERIVED),
    ("friction", {"geom_friction", "pair_friction"}),
    ("friction", {"geom_friction", "dof_frictionloss"}),
    ("damping", {"dof_damping"}),
    ("gain", {"actuator_gainprm", "actuator_biasprm"}),
]
TASKS = {"pair_friction": "slide", "dof_frictionloss": "open_drawer"}  # where a field is not zero; else push


def value(model, field):
    owner, _, name = field.rpartition(".")
    return np.array(getattr(model.opt if owner else model, name))


def changed(envs, row):
    """The fields of the model in which a row is not like the model."""
    own, sim = envs.batch.sim.batch.get_model(row), envs.batch.sim
    return {field for field in MODEL_FIELDS if not np.array_equal(value(own, field), value(sim.model, field))}


def ratios(envs, field):
    """Each row's values of a field in those of the model, where these are not zero: (N, k)."""
    base = value(envs.batch.model, field)
    return envs.batch.sim.own[field][:, base != 0.0] / base[base != 0.0]


@pytest.mark.parametrize(("name", "fields"), SHARES)
def test_shares(name, fields):
    """Every element by a factor of its own, another in every row and episode; a reset leaves other rows alone."""
    task = next((TASKS[field] for field in fields if field in TASKS), "push")
    envs, plain = (make_vec(task, num_envs=16, randomize=randomize) for randomize in ({name: 0.3}, None))
    observation, same = envs.reset(seed=0)[0], plain.reset(seed=0)[0]
    for key, numbers in same.items():  # the episode starts where it would have
        np.testing.assert_array_equal(observation[key], numbers)
    assert {frozenset(changed(envs, row)) for row in range(16)} == {frozenset(fields)}
    for field in fields - DERIVED:
        first = ratios(envs, field)
        assert first.min() >= 0.7 - 1e-12 and first.max() <= 1.3 + 1e-12 and np.ptp(first) > 0.4
        assert (np.ptp(first, axis=0) > 0.1).all()  # from row to row
    before = {field: envs.batch.sim.own[field].copy() for field in fields - DERIVED}
    envs.reset(options={"reset_mask": np.arange(16) % 2 == 0})
    for field in before:
        apart = (envs.batch.sim.own[field] != before[field]).reshape(16, -1).any(axis=1)
        assert apart.tolist() == [True, False] * 8


def test_what_shares_a_factor():
    """A body's mass and inertia; a servo's stiffness and its braking."""
    envs = make_vec("push", num_envs=3, randomize={"mass": 0.5, "gain": 0.5})
    envs.reset(seed=0)
    own, model = envs.batch.sim.own, envs.batch.model
    heavy = model.body_mass > 0.0
    scale = (own["body_mass"][:, heavy] / model.body_mass[heavy])[..., None]
    np.testing.assert_allclose(own["body_inertia"][:, heavy], scale * model.body_inertia[heavy], rtol=1e-12)
    scale = own["actuator_gainprm"][..., :1] / model.actuator_gainprm[:, :1]
    np.testing.assert_allclose(own["actuator_biasprm"], scale * model.actuator_biasprm, rtol=1e-12)


def test_what_follows_from_masses():
    """Constants that MuJoCo derives from them are each row's own."""
    envs = make_vec("push", num_envs=3, randomize={"mass": 0.5})
    envs.reset(seed=0)
    for row in range(3):
        own = envs.batch.sim.batch.get_model(row)
        fresh = envs.batch.sim.batch.get_model(row)
        mujoco.mj_setConst(fresh, mujoco.MjData(fresh))
        for field in DERIVED:
            np.testing.assert_array_equal(value(own, field), value(fresh, field))
        assert changed(envs, row) >= DERIVED


def test_gravity_tilt():
    """Gravity leans by up to as much in any direction, as strong as ever; arms stay where they are."""
    envs = make_vec("reach", num_envs=64, randomize={"gravity_tilt": 5.0, "mass": 0.5})
    first = envs.reset(seed=0)[0]["achieved_goal"]
    gravity = envs.batch.sim.own["opt.gravity"]
    np.testing.assert_allclose(np.linalg.norm(gravity, axis=1), 9.81, rtol=1e-12)
    tilt = np.degrees(np.arccos(-gravity[:, 2] / 9.81))
    assert 0.0 <= tilt.min() < 0.5 and 4.5 < tilt.max() <= 5.0
    quarters = np.unique(gravity[:, :2] > 0.0, axis=0)
    assert len(quarters) == 4
    for _ in range(10):
        observation, *_ = envs.step(np.zeros((64, 3)))
    np.testing.assert_allclose(observation["achieved_goal"], first, atol=1e-5)
    envs = make_vec("push", num_envs=2, randomize={"gravity_tilt": 5.0})
    envs.reset(seed=0)
    assert changed(envs, 0) == changed(envs, 1) == {"opt.gravity"}


def test_a_puck_slides_by_its_rows_own_friction():
    """A speed v lasts for v^2 / (2 mu g), mu of the pair that the puck and the table are."""
    envs = make_vec("slide", num_envs=4, randomize={"friction": 0.5}, max_episode_steps=None)
    envs.reset(seed=0)
    sim, puck = envs.batch.sim, envs.task.puck
    puck.pos[:, :2], puck.velocity[:] = (-0.6, 0.5), (0.2, 0.0, 0.0)  # m, m/s, away from the arm
    sim.forward()
    start = puck.pos[:, 0].copy()
    for _ in range(150):
        sim.step(10)
    mu = sim.own["pair_friction"][:, 0, 0]
    np.testing.assert_allclose(puck.pos[:, 0] - start, 0.2**2 / (2.0 * mu * 9.81), rtol=0.03)
    assert np.ptp(mu) > 0.003
