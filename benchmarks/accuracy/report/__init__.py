"""From result files to tables, plots and one page. Nothing here runs a method."""
