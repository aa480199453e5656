# SPDX-License-Identifier: Apache-2.0
"""How finite networks approach the limit: ``python -m bench.convergence [--quick] [--out FILE]``.

Every line of the printed table is a claim of the paper's theorems with what is expected and what
is found.

initialisation.py  Theta and the outputs of networks that have not been trained
lazy.py            how far training moves Theta, the activations and the lower layers
claims.py          slopes with their standard errors, and lines of the table
"""
