"""What the words on the command line do, one module a word."""
