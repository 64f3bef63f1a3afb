"""`python -m piplan_tui` is `piplan-tui`."""

import sys

from piplan_tui.cli import main

sys.exit(main())
