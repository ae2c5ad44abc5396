"""Takes speed and contact times from other devices (watch, pod, plates), and calibrates imurun by them.

`align` puts a watch's activity on the time of the recording; `speed` takes its speed, `trusted_seconds` its
contact times where they can be trusted. `measured_contacts` reads contact times from a CSV table. `calibrate`
makes a runner's calibration from either.
"""
