"""The dataset of one runner by Alcantara et al. 2022."""

import numpy as np
import pytest

from benchmarks.datasets.sacral_grf import N_SAMPLES, read_trials
from imurun.errors import FormatError


def test_trials_have_the_published_values(shared_data):
    trials = read_trials(shared_data / "sacral_grf")
    assert len(trials) == 31
    assert {trial.speed_m_s for trial in trials} == {2.5, 3.33, 4.17}
    assert {trial.slope_deg for trial in trials} == {-10, -5, 0, 5, 10}
    for trial in trials:
        assert trial.recording.acc.shape == (N_SAMPLES, 3)
        assert trial.recording.frame == "anatomical"
        assert trial.recording.rate_hz == 500.0
        assert not trial.recording.acc[:, 1].any()
        assert trial.recording.acc[:, 2].min() >= 0
        assert trial.vgrf_bw.shape == (N_SAMPLES,)
        assert 1.5 < trial.vgrf_bw.max() < 4
        assert (trial.mass_kg, trial.height_m) == (76.8, 1.73)
    # whole strides: mean force is one body weight, mean vertical specific force about one g
    assert np.mean([t.vgrf_bw.mean() for t in trials]) == pytest.approx(1.0, abs=0.05)


def test_tables_of_another_shape_are_refused(tmp_path):
    for name in ("Accelerometer_one_sub.csv", "GRF_one_sub.csv"):
        (tmp_path / name).write_text("1,2,3\n")
    with pytest.raises(FormatError, match="3 columns where 4960"):
        read_trials(tmp_path)
    with pytest.raises(FormatError, match="could not be read"):
        read_trials(tmp_path / "nowhere")
