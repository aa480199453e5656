# SPDX-License-Identifier: Apache-2.0
"""What is said where an iterative method stops before its tolerance."""


class ConvergenceWarning(UserWarning):
    """A solver stopped above its tolerance; the residuals of its result say how far it came."""
