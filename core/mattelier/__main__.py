"""`python -m mattelier`: the command line."""

import sys

from mattelier.commands.main import main

sys.exit(main())
