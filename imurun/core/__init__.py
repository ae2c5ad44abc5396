"""Finds steps in the samples of a sensor on the lower back; computes contacts, side, load and sway.

It uses numpy, numba and vqf only, and no files, tables or clocks.

In the order in which samples pass through:

    alignment_search  holds samples until the sensor-to-body alignment is known
    alignment         estimates the sensor-to-body alignment from running
    orientation       orientation of the sensor against gravity, for each sample
    ring_buffer       the last seconds of the signals, in level axes
    stepper           processes samples one by one, and classifies step cycles
    step_cycle        the rise and fall of the low-passed vertical acceleration in every step
    gait              which step cycles are running steps, which are walking steps
    contact           initial contact, final contact and peak force of a running step: the contact formula
    side              left or right
    step              the record of a step, and the kernels that fill its columns, with:
    impact, oscillation, sway, lumbar, quality
    seconds           the motion in each second, and samples at full scale
    bouts             running, walking and standing over time, from steps and seconds

`state` is the state of the stepper; `filters`, `rows` and `jit` are tools.
"""
