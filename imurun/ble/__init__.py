"""Sensors over Bluetooth Low Energy: bytes, device profiles, clocks, and streams without holes.

The way of a sample: `scan` finds a sensor, `link` connects, `inbox` holds its notifications until `client`
takes them; `assembly` is a profile's decoder (`profiles`, `codec`) and then `align`, which puts packets that
came late, twice, in parts or not at all into `imurun.model.sample_block.SampleBlock`s on the host's `clock`.

Beside it: `control` and `dialogue` ask the sensor and take its replies, `inquiry` what it tells and its logs,
`backfill` which missing samples to ask for again, `watch` and `events` what happened, `journal` keeps what
came and `replay` gives it again, `claim` keeps a second program off. `indexed`, `timed` and `counted` are the
three ways to know where a sample belongs, `merge` joins streams that come apart, `plausible` judges a
packet's place.

Bytes, clock and order know no radio, files or event loop; `tests/ble/test_ble_source.py` checks it.
"""
