# SPDX-License-Identifier: Apache-2.0
"""The command line as a fixture."""

from command_line import here, run

__all__ = ["here", "run"]
