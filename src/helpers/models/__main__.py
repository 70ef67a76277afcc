"""python -m helpers.models [NAME ...]: train the networks that lack a checkpoint."""

import sys

from helpers.models.runs import main

if __name__ == "__main__":
    sys.exit(main())
