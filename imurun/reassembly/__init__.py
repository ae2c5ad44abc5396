"""Reassembles chunks of samples into ordered blocks with exact gaps; fits the device clock."""
