"""`python -m trunkline` is the command `trunkline`."""

from trunkline.runtime.cli.app import main

main()
