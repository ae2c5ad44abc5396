"""`python -m imurun` is `imurun`."""

from imurun.cli.main import main

main()
