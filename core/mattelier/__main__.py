"""`python -m mattelier`: the command line."""

import sys

from mattelier.cli import main

sys.exit(main())
