# SPDX-License-Identifier: Apache-2.0
"""What the demonstration in the browser shows: its state, the curves, networks trained live."""
