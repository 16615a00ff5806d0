"""`python -m console` is `subnet-console`."""

import sys

from console.start import main

sys.exit(main())
