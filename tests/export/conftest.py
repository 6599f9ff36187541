"""Tests of exported models name the compilers that they run."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def no_compiler_of_the_environment():
    """CC says what the package is built with, which `CC=false make test` prevents."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("CC", raising=False)
        yield
