"""Fixtures for tests of images."""

import pytest

from robodl_envs import RenderingError, make_gl_context


@pytest.fixture(scope="module")
def opengl():
    try:
        make_gl_context(8, 8).free()
    except RenderingError as error:
        pytest.skip(f"no OpenGL on this machine: {error}")


@pytest.fixture(params=["ray", "gl"])
def renderer(request):
    if request.param == "gl":
        request.getfixturevalue("opengl")
    return request.param
