"""Sensors over Bluetooth Low Energy: scan, connect, stream, download logs, and journals of notifications.

The way of a sample: `scan` finds a sensor, `connection` holds its notifications in a queue, `stream_output`
journals them (`journal`) and decodes them (`decoding`: a driver of `devices`, then `imurun.reassembly`) to
`imurun.model.sample_block.SampleBlock`s. `reconnecting_client` keeps the connection, and `device_run`
controls the sensor's run over it, with `commands` and `backfill`. `events` reports what happens to the
stream.

Besides: `device_info` reads device information and downloads logs; `journal_replay` decodes a journal again;
`block_journal` stores recordings without packets in the same file format;
`codec` and `control` are the bytes of imurun's own protocol.

bleak is imported only when a scan or a connection begins (`bluetooth_errors.import_bleak`).
"""
