"""Live runs: a pipeline from a sensor's samples to steps, and its outputs (terminal, page, LSL, files).

    source -> recorder                  journal of all samples, written before they are analysed
    source -> pipeline -> state         current values and alerts, read by the terminal and the page
              pipeline -> broadcast     each block of samples with its steps, read by LSL

Data flow one way. A slow output misses updates; it never delays the source.
"""
