"""Builds tables, plots and one page from result files; does not run methods."""
