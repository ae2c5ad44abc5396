"""A sensor that does not exist: the device side of the protocol, fed by a recording, with faults on demand.

    feed, faults ← air ← sensor ← gatt ← offer

`sensor` knows no event loop and no clock: its time is what it is told. `gatt` puts it behind a GATT server,
`offer` on a Bluetooth adapter; both need the package bumble, the extra `virtual`. The device side is the C of
`firmware_protocol`, so a C compiler is needed.
"""
