"""A virtual BLE sensor: the firmware in C, fed with a recording, with faults on demand.

    recording (`feed`) -> firmware in C (`board`) -> `sensor` -> packet faults (`air`) -> `gatt` -> `offer`

`sensor` has no event loop and no clock: its caller passes the time. `gatt` serves it with a GATT server and
`offer` advertises it on a Bluetooth adapter; both need the package bumble, the extra `virtual`. `faults`
describes what goes wrong. The C sources are those of `firmware_protocol`, so a C compiler is needed.
"""
