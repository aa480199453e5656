# SPDX-License-Identifier: Apache-2.0
"""``python -m fastntk``: the command line."""

from fastntk.app.cli import main

if __name__ == "__main__":
    main()
