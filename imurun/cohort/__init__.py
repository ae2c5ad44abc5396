"""Many recordings of many runners, on one machine or a Dask cluster, as one data set."""
