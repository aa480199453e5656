# SPDX-License-Identifier: Apache-2.0
"""The command line ``fastntk``: parse, call the package, print, write.

``cli`` is the entry point and needs nothing beyond the standard library; ``commands`` holds the
commands and needs the extra ``app``.
"""
