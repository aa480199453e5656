# SPDX-License-Identifier: Apache-2.0
"""The small network whose training is tested."""

import fastntk as fn


def network(outputs=2, activation="relu", **options):
    net = fn.FullyConnected(2, activation=activation, bias_std=0.3)
    return fn.FiniteNetwork(net, (3, 30, 20, outputs), **{"dtype": "float64", **options})
