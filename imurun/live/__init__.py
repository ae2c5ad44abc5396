"""A run while it happens: one pipeline from samples to steps, and its faces.

source -> pipeline (RunAnalyzer) -> state -> terminal, page, alerts, recorder, LSL. Data flow one way; a face
that is slow is left behind and never slows the source.
"""
