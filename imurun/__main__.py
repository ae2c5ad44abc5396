"""`python -m imurun` runs the command line, as the program `imurun` does."""

from imurun.cli.main import main

main()
