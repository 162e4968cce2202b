"""``python -m tandemlab.cli``, for where the program itself is not on the search path."""

import sys

from tandemlab.cli import main

if __name__ == "__main__":
    sys.exit(main())
