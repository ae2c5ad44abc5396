"""The command line: one module per command, with its options and its action, and modules that they share."""
