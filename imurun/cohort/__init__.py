"""Analyses many recordings of many runners, on one machine or a Dask cluster, into one data set."""
