"""Fixtures: short recordings, and a core that is compiled before a worker needs it."""

from __future__ import annotations

import numba
import pytest

from tests.cohort.cohort_helpers import write_run


@pytest.fixture(scope="session")
def compiled():
    """The compiled core is cached on disk, so that workers only load it."""
    if numba.config.DISABLE_JIT:
        pytest.skip("too slow without the compiler")
    from imurun.cli.compile_core import warm_up

    warm_up()


@pytest.fixture(scope="session")
def made_runs(tmp_path_factory):
    """Two runners with two recordings each; tests copy them and do not change them."""
    root = tmp_path_factory.mktemp("made")
    for i, name in enumerate(("alice/run1", "alice/run2", "bob/run1", "bob/long/run2")):
        write_run(root / f"{name}.parquet", seed=i + 1)
    return root
