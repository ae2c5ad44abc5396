from __future__ import annotations

import pytest

from imurun.errors import FormatError
from tests.metamorphic.metamorphic_helpers import DATASETS, runs_of


@pytest.fixture(params=DATASETS)
def runs(request):
    """The runs of one dataset; the test is skipped where it is not on this machine."""
    try:
        return runs_of(request.param)
    except FormatError as error:
        pytest.skip(str(error))
