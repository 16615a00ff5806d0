"""`python -m console` is `subnet-console`."""

import sys

from console.cli import main

sys.exit(main())
