"""Sensors over Bluetooth Low Energy: bytes, device profiles, clocks, and streams without holes.

`codec` and `control` turn bytes of imurun's own protocol (`firmware_protocol/README.md`) into values and
back; `profiles` know the sensors of other makers too; `clock` finds the host time of a sample, and `align`
puts packets that came late, twice, in parts or not at all into `imurun.blocks.SampleBlock`s. None of these
knows a radio, files or an event loop.
"""
