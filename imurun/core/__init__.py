"""Numbers only: numpy, numba and vqf. No files, no tables, no event loop, no clock.

The order in which samples pass through:

    search       holds samples back until the mounting is known
    orientation  which way is up, for each sample
    history      the last seconds of the signals, in level axes
    pulse        the slow rise and fall of the vertical that every step makes
    gait         which pulses are running steps, which are walking
    push         how the ground pushes during a running step, at any cadence alike
    typical      what the last steps have in common
    contact      foot strike, toe-off and peak force of a running step
    side         left or right
    step         the record of a step, and how its columns are filled, with:
    impact, oscillation, sway, lumbar, quality    the other columns of a step
    ringing      what a soft strap adds to a step
    stepper      the kernel that leads samples through all of these
    second       how much each second moves, and which samples are at full scale
    mounting     how the sensor sits on the body, found from running itself
    bouts        what the runner did when, from the steps and seconds

`memory` is all that the stepper remembers; `gaussian`, `integral`, `sums`, `rows` and `jit` are tools.
"""
