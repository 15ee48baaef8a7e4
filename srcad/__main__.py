"""``python -m srcad`` is the command `srcad`."""

import sys

from srcad.cli import main

sys.exit(main())
