"""A run while it happens: one pipeline from samples to steps, and its faces.

    source -> recorder              what came is kept before anything is done with it
    source -> pipeline -> state     analysed, watched by alerts; the terminal and the page read the state
              pipeline -> fan       and publish each block and its steps, to LSL

Data flow one way; a face that is slow is left behind and never slows the source.
"""
