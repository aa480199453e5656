# SPDX-License-Identifier: Apache-2.0
"""What fastntk is compared with."""
