"""Reassembly: chunks of samples that arrive late, twice or not at all become ordered rows with exact gaps.

This package is independent of the source of the chunks. `reassembler` is the entry; it finds the position of
a chunk by sample number (`by_index`), else by device time (`by_time`), else by counting (`by_count`), joins
acceleration and angular rate that arrive apart (`acc_gyr_merge`), and rejects positions that the elapsed time
does not allow. `clock_fit` maps the device clock to the host's. `chunks` holds the types in
and out.

Two words are used for missing samples:

- A *pending range* is missing but may still arrive; rows behind it are held back.
- A *gap* is final: its rows are emitted as NaN, and samples that arrive for it later are discarded.
"""
