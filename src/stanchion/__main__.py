"""`python -m stanchion`: the command line."""

from .cli import main

main()
