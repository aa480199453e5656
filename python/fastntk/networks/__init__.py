# SPDX-License-Identifier: Apache-2.0
"""Networks of finite width: their outputs, parameters, empirical kernels and training."""
