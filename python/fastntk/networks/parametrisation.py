# SPDX-License-Identifier: Apache-2.0
r"""Parametrisations: which share of a linear map is a factor, an initial value, a learning rate.

All of them describe z = w a W^T + c b with W ~ N(0, s^2), b ~ N(0, t^2), trained at learning rates
eta r and eta q. Only products count: w s and c t say which function is drawn, w^2 r and c^2 q how
it is trained. With n inputs and n' outputs of a map, sigma the network's ``weight_std`` and beta
its ``bias_std``:

==========  ======  ================  ==============  ==  ============  ===========  ==
name        map     w                 s               r   c             t            q
==========  ======  ================  ==============  ==  ============  ===========  ==
ntk         all     sigma / sqrt n    1               1   beta          1            1
standard    all     1                 sigma / sqrt n  1   1             beta         1
mean-field  first   sigma / sqrt n    1               n'  beta          1            n'
mean-field  last    sigma / n         1               n   beta          1            1
mup         first   sigma sqrt(n'/n)  1 / sqrt n'     1   beta sqrt n'  1 / sqrt n'  1
mup         hidden  sigma             1 / sqrt n      1   beta sqrt n'  1 / sqrt n'  1
mup         last    sigma / sqrt n    1 / sqrt n      1   beta          1            1
==========  ======  ================  ==============  ==  ============  ===========  ==

These are the abc-parametrisations of [1]_, Table 1, with the input's dimension and the widths kept
apart; biases of hidden layers are taken as the weights of an input of dimension one that is 1.
mean-field is defined for one hidden layer, where it is mup in other units. The first map of a
network without hidden layers is its last one, and that of ntk in all but standard. Where beta is 0
there are no biases: c is 0 in every parametrisation. Deviations may differ from map to map.

An activation a g(b u) with scales is g to the passes: w of the map behind it has the factor a more,
w and c of the map before it the factor b. Outputs are those functions of the parameters that they
were, and so are all gradients.

References
----------
.. [1] G. Yang, E. Hu, "Feature Learning in Infinite-Width Neural Networks", ICML 2021.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from fastntk import _validate
from fastntk.gram.program import map_factors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastntk.gram.architecture import FullyConnected

PARAMETRISATIONS = ("ntk", "standard", "mean-field", "mup")


@dataclass(frozen=True)
class MapScales:
    """The numbers of one linear map z = weight_factor a W^T + bias_factor b.

    Attributes
    ----------
    weight_factor, bias_factor : float
        Of the forward map.
    weight_std, bias_std : float
        Standard deviations of the initial values.
    weight_rate, bias_rate : float
        Multiply the learning rate; 0 for what is not trained.
    """

    weight_factor: float
    bias_factor: float
    weight_std: float
    bias_std: float
    weight_rate: float = 1.0
    bias_rate: float = 1.0

    @property
    def kernel_factors(self) -> tuple[float, float]:
        """What the inner products of activations, and 1, count in the NTK of training."""
        return (
            self.weight_factor**2 * self.weight_rate,
            self.bias_factor**2 * self.bias_rate,
        )


def map_scales(
    net: FullyConnected, widths: Sequence[int], parametrisation: str
) -> tuple[MapScales, ...]:
    """Return the numbers of every linear map of a network.

    Parameters
    ----------
    net : FullyConnected
        Its ``init_std`` is taken as an initial standard deviation where ``weight_std`` would be a
        factor.
    widths : sequence of int
        From the input's dimension to the number of outputs.
    parametrisation : {"ntk", "standard", "mean-field", "mup"}
        See the table of this module.

    Raises
    ------
    ValueError
        An unknown parametrisation; mean-field for another number of hidden layers than one.
    """
    _validate.choice(parametrisation, "parametrisation", PARAMETRISATIONS)
    hidden = len(widths) - 2
    if parametrisation == "mean-field" and hidden != 1:
        raise ValueError(
            "parametrisation='mean-field' is defined for one hidden layer, got "
            f"hidden_layers={hidden}; 'mup' is its extension to any depth"
        )
    # init_std is where the values start, weight_std what the map multiplies them by.
    std = 1.0 if net.init_std is None else net.init_std
    # What the maps absorb of the activations multiplies w and c alone.
    before, behind = map_factors(net.activations)
    maps = []
    for number, (n, after) in enumerate(pairwise(widths)):
        factor = net.weight_stds[number] if net.init_std is None else 1.0
        beta = net.bias_stds[number]
        ntk = MapScales(factor / math.sqrt(n), beta, std, 1.0)
        last = number == hidden
        root = math.sqrt(after)
        if parametrisation == "standard":
            maps.append(MapScales(1.0, float(beta > 0), factor * std / math.sqrt(n), beta))
        elif parametrisation == "ntk" or hidden == 0:
            maps.append(ntk)
        elif parametrisation == "mean-field":
            maps.append(
                MapScales(factor / n, beta, std, 1.0, n, 1.0)
                if last
                else MapScales(factor / math.sqrt(n), beta, std, 1.0, after, after)
            )
        elif last:
            maps.append(MapScales(factor / math.sqrt(n), beta, std / math.sqrt(n), 1.0))
        elif number == 0:
            maps.append(MapScales(factor * root / math.sqrt(n), beta * root, std / root, 1 / root))
        else:
            maps.append(MapScales(factor, beta * root, std / math.sqrt(n), 1 / root))
    return tuple(
        replace(
            scales,
            weight_factor=b * scales.weight_factor * a,
            bias_factor=b * scales.bias_factor,
        )
        for scales, b, a in zip(maps, before, behind, strict=True)
    )
