# SPDX-License-Identifier: Apache-2.0
"""A nonlinearity, its parameters, and what is known of it: `fastntk.Activation`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastntk import _validate
from fastntk.activations import definitions, elementwise, expectations
from fastntk.activations.custom import Custom
from fastntk.activations.definitions import DEFINITIONS, Elementwise, Functor
from fastntk.activations.makers import Makers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastntk.activations.facts import Facts

# Scales whose squares, and products with other factors, stay within float64.
_SMALLEST = 1e-35


@dataclass(frozen=True, repr=False)
class Activation(Makers):
    r"""A nonlinearity :math:`f(u) = a\, g(b u)`: a function g that has a name, and two scales.

    Classmethods make them: ``Activation.leaky_relu(0.1)``. Wherever one is taken, so is its text,
    "leaky_relu(0.1)", or the name alone where parameters have defaults, "sin".

    Parameters
    ----------
    name : str
        Of g; see Notes. Another one for ``custom``.
    parameters : sequence of float
        Of g, those with defaults may be left out.
    input_scale, output_scale : float
        :math:`b > 0` and :math:`a > 0`.
    functions : Custom, optional
        The functions that `custom` was given.

    Attributes
    ----------
    lipschitz : bool
        Theorem 1 of [1]_, the limit at initialisation, asks for it.
    smooth : bool
        Twice differentiable, with a bounded second derivative: Theorem 2, the limit in training,
        asks for it too; its footnote 1 says that this is probably not needed.
    has_ntk : bool
        False where f jumps: f' is a point mass then, and there is an NNGP but no NTK.

    Raises
    ------
    TypeError
        Parameters that are no numbers, or no sequence of them; a custom function's name that is no
        text.
    ValueError
        An unknown name, another number of parameters, or parameters out of range.

    Notes
    -----
    ====================  ====================================================  =========  ======
    name                  g(u)                                                  lipschitz  smooth
    ====================  ====================================================  =========  ======
    relu                  max(u, 0)                                             yes        no
    leaky_relu(slope)     slope min(u, 0) + max(u, 0)                           yes        no
    absolute              abs(u)                                                yes        no
    ab_relu(a, b)         a min(u, 0) + b max(u, 0)                             yes        no
    relu_power(power)     max(u, 0)^power, from 2 on                            no         no
    identity              u                                                     yes        yes
    erf                   erf(u)                                                yes        yes
    gelu                  u (1 + erf(u / sqrt(2))) / 2                          yes        yes
    sin(w=1, phase=0)     sin(w u + phase)                                      yes        yes
    cos(w=1, phase=0)     cos(w u + phase)                                      yes        yes
    rbf(gamma)            sqrt(2) sin(sqrt(2 gamma) u + pi / 4)                 yes        yes
    gaussian(b=1)         exp(-b u^2)                                           yes        yes
    tanh, sigmoid         tanh(u), 1 / (1 + exp(-u))                            yes        yes
    softplus              log(1 + exp(u))                                       yes        yes
    silu                  u sigmoid(u)                                          yes        yes
    mish                  u tanh(softplus(u))                                   yes        yes
    selu, elu             u above 0, else exp(u) - 1; selu has two factors      yes        no
    monomial(degree)      u^degree, from 2 on                                   no         no
    hermite(degree)       He_n(u) / sqrt(n!), from 2 on                         no         no
    polynomial(c0, ...)   c0 + c1 u + c2 u^2 + ..., from degree 2 on            no         no
    exp                   exp(u)                                                no         no
    sign                  -1, 0 or 1; no NTK                                    no         no
    step                  0 or 1; no NTK                                        no         no
    ====================  ====================================================  =========  ======

    Polynomials of degree 1 are Lipschitz, and those of degree 2 smooth but not Lipschitz. The
    limits of functions that are not are given by the same formulas, outside of the theorems.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural Tangent Kernel: Convergence and Generalization
       in Neural Networks", NeurIPS 2018, Theorems 1 and 2.

    Examples
    --------
    >>> import fastntk as fn
    >>> f = fn.Activation.leaky_relu(0.1)
    >>> f
    Activation.leaky_relu(0.1)
    >>> f.lipschitz, f.smooth
    (True, False)
    >>> fn.FullyConnected(2, activation="leaky_relu(0.1)") == fn.FullyConnected(2, activation=f)
    True
    """

    name: str
    parameters: tuple[float, ...] = ()
    input_scale: float = 1.0
    output_scale: float = 1.0
    functions: Custom | None = None

    def __post_init__(self) -> None:
        if self.functions is None:
            object.__setattr__(self, "parameters", definitions.checked(self.name, self.parameters))
        elif not isinstance(self.functions, Custom):
            raise TypeError(f"functions must be those of Activation.custom, got {self.functions!r}")
        elif not isinstance(self.name, str):
            raise TypeError(f"name must be a str, got {self.name!r}")
        elif self.name in DEFINITIONS or not self.name.isidentifier() or self.parameters:
            raise ValueError(
                "name of a custom activation must be a new one, an identifier, and come without "
                f"parameters, got {self.name!r} and {self.parameters!r}"
            )
        for scale in ("input_scale", "output_scale"):
            number = _validate.positive(getattr(self, scale), scale)
            if not _SMALLEST <= number <= 1 / _SMALLEST:
                raise ValueError(
                    f"{scale} must be in [{_SMALLEST:g}, {1 / _SMALLEST:g}], got {number:g}"
                )
            object.__setattr__(self, scale, number)

    @property
    def facts(self) -> Facts:
        """What the theorems ask for."""
        if self.functions is not None:
            return self.functions.facts
        return DEFINITIONS[self.name].facts(self.parameters)

    @property
    def lipschitz(self) -> bool:
        """Whether f is Lipschitz."""
        return self.facts.lipschitz

    @property
    def smooth(self) -> bool:
        """Whether f is twice differentiable with a bounded second derivative."""
        return self.facts.smooth

    @property
    def has_ntk(self) -> bool:
        """Whether there is an NTK beside the NNGP: f does not jump."""
        return self.facts.has_ntk

    def scaled(self, *, output: float = 1.0, input: float = 1.0) -> Activation:
        """Return ``output * f(input * u)``.

        Raises
        ------
        TypeError
            No numbers.
        ValueError
            A scale that is not positive, or too far from 1.
        """
        return dataclasses.replace(
            self,
            output_scale=self.output_scale * _validate.positive(output, "output"),
            input_scale=self.input_scale * _validate.positive(input, "input"),
        )

    def __call__(self, u: ArrayLike) -> NDArray[Any]:
        """Return f(u), elementwise.

        Parameters
        ----------
        u : array_like of any shape
            float32 stays that, other real types become float64; CuPy's arrays stay theirs.

        Raises
        ------
        TypeError
            ``u`` does not hold real numbers.
        ValueError
            A custom function returned another shape.
        """
        values: NDArray[Any] = elementwise.value(self, u)
        return values

    def derivative(self, u: ArrayLike) -> NDArray[Any]:
        """Return f'(u), elementwise; 0 at a kink of ReLU, and of sign and step everywhere.

        Parameters and errors are those of a call.
        """
        slopes: NDArray[Any] = elementwise.slope(self, u)
        return slopes

    def dual(self, q: ArrayLike, p: ArrayLike, c: ArrayLike) -> Any:
        r"""Return E[f(u) f(v)] and E[f'(u) f'(v)] of Gaussian pairs.

        :math:`(u, v) \sim N(0, \Sigma)` with variances q and p and cosine c, so that
        :math:`E[u v] = c \sqrt{q p}`: what a layer of the limiting recursion needs.

        Parameters
        ----------
        q, p : array_like
            Variances, positive; broadcast with c.
        c : array_like
            In [-1, 1].

        Returns
        -------
        tuple of float or ndarray
            Both expectations in float64; the second is NaN where f jumps.

        Raises
        ------
        ValueError
            Variances or cosines out of range; E[f(u)^2], E[f(v)^2] or either expectation leaves
            float64.

        Notes
        -----
        Closed forms where there are any, as the engine has them; else quadrature, some
        milliseconds a triple. Errors are relative to :math:`\sqrt{E[f(u)^2] E[f(v)^2]}`, which
        closed forms start from: that of exp is refused where E[f(u)^2] = exp(2 q) overflows, though
        E[f(u) f(v)] = 1 at c = -1 and q = p.

        Examples
        --------
        >>> import fastntk as fn
        >>> value, slope = fn.Activation.relu().dual(1.0, 1.0, 1.0)
        >>> round(value, 12), round(slope, 12)
        (0.5, 0.5)
        """
        return expectations.dual(self, q, p, c)

    def normalised(self) -> Activation:
        r"""Return this function times what makes E[f(u)^2] = 1 for u ~ N(0, 1).

        ReLU's factor is :math:`\sqrt 2`: He's initialisation.
        """
        return self.scaled(output=math.sqrt(1 / self.dual(1.0, 1.0, 1.0)[0]))

    @property
    def base(self) -> Functor | Elementwise:
        """What computes g: the engine's functor, or functions of arrays where it has none.

        A functor's own scales are part of g.
        """
        if self.functions is not None:
            return self.functions.elementwise
        return DEFINITIONS[self.name].functor(self.parameters)

    @property
    def scales(self) -> tuple[float, float]:
        """All that scales the inputs, and the outputs, of the function that is computed.

        Linear maps absorb both: with z' = b z, the map before has b times its weights and biases,
        the map behind a times its weights.
        """
        base = self.base
        b, a = (base.input_scale, base.output_scale) if isinstance(base, Functor) else (1.0, 1.0)
        return self.input_scale * b, self.output_scale * a

    @property
    def fingerprint(self) -> str:
        """A text that other functions do not have: of a custom one by its values at some points."""
        if self.functions is None:
            return repr(self)
        return f"{self!r}, {self.functions.fingerprint}"

    def __str__(self) -> str:
        """Return its text: ``Activation`` of which is the same where there are no scales."""
        text = self._call(_short)
        if self.input_scale != 1:
            text = f"{text} of {self.input_scale:g} u"
        return text if self.output_scale == 1 else f"{self.output_scale:g} {text}"

    def __repr__(self) -> str:
        """Return how it is made."""
        if self.functions is not None:
            text = f"custom({self.functions.text}, name={self.name!r})"
        else:
            values = ", ".join(map(repr, self.parameters))
            several = DEFINITIONS[self.name].parameters == definitions.ANY_NUMBER
            text = f"{self.name}([{values}])" if several else f"{self.name}({values})"
        scales = {"output": self.output_scale, "input": self.input_scale}
        shown = ", ".join(f"{key}={value!r}" for key, value in scales.items() if value != 1)
        return f"Activation.{text}" + (f".scaled({shown})" if shown else "")

    def _call(self, number: Callable[[float], str]) -> str:
        """Return name and parameters, without defaults at the end."""
        values = list(self.parameters)
        if self.functions is None:
            definition = DEFINITIONS[self.name]
            defaults = list(definition.defaults)
            while values and defaults and values[-1] == defaults[-1]:
                values.pop()
                defaults.pop()
        return f"{self.name}({', '.join(map(number, values))})" if values else self.name


def _short(value: float) -> str:
    """Return all digits of a number, without a point where it is an integer."""
    return f"{int(value)}" if value == int(value) and abs(value) < 1e15 else repr(value)
