"""`python -m bench` in a clone: the same as `chainrule bench`."""

import sys

from chainrule.cli import main

sys.exit(main(["bench", *sys.argv[1:]]))
