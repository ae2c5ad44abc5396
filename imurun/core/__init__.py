"""Numbers only: numpy, numba and vqf. No files, no tables, no event loop, no clock.

The order in which samples pass through:

    orientation  which way is up, for each sample
    history      the last seconds of the signals, in level axes
    pulse        the slow rise and fall of the vertical that every step makes
    gait         which pulses are running steps, which are walking
    contact      foot strike, toe-off and peak force of a running step
    side         left or right
    impact, oscillation, sway, lumbar, quality    the other columns of a step
    stepper      the kernel that leads each sample through all of these
    mounting     how the sensor sits on the body, found from running itself
"""
