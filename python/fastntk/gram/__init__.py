# SPDX-License-Identifier: Apache-2.0
"""From data to Gram matrices: architectures, and their limiting kernels."""
