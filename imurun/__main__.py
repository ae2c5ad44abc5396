"""`python -m imurun` is `imurun`."""

from imurun.cli import main

main()
