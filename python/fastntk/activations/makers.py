# SPDX-License-Identifier: Apache-2.0
"""The classmethods that make activations, by the names that the field has for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from fastntk import _validate
from fastntk.activations.custom import custom

if TYPE_CHECKING:
    from typing_extensions import Self


class Makers:
    """What `fastntk.Activation` has of them; functions and facts are in its table."""

    @classmethod
    def relu(cls) -> Self:
        """Return max(u, 0)."""
        return cls._of("relu")

    @classmethod
    def leaky_relu(cls, slope: float) -> Self:
        """Return u where it is positive, else slope u."""
        return cls._of("leaky_relu", slope)

    @classmethod
    def absolute(cls) -> Self:
        """Return abs(u)."""
        return cls._of("absolute")

    @classmethod
    def ab_relu(cls, a: float, b: float) -> Self:
        """Return a min(u, 0) + b max(u, 0), not both 0."""
        return cls._of("ab_relu", a, b)

    @classmethod
    def relu_power(cls, power: int) -> Self:
        """Return max(u, 0)^power, power 1 to 3; outside the theory from 2 on."""
        return cls._of("relu_power", power)

    @classmethod
    def identity(cls) -> Self:
        """Return u: a linear network."""
        return cls._of("identity")

    @classmethod
    def erf(cls) -> Self:
        """Return the error function."""
        return cls._of("erf")

    @classmethod
    def gelu(cls) -> Self:
        """Return u Phi(u), Phi being the normal distribution function: exactly, not by tanh."""
        return cls._of("gelu")

    @classmethod
    def sin(cls, frequency: float = 1.0, phase: float = 0.0) -> Self:
        """Return sin(frequency u + phase), frequency > 0."""
        return cls._of("sin", frequency, phase)

    @classmethod
    def cos(cls, frequency: float = 1.0, phase: float = 0.0) -> Self:
        """Return cos(frequency u + phase), frequency > 0."""
        return cls._of("cos", frequency, phase)

    @classmethod
    def rbf(cls, gamma: float) -> Self:
        """Return sqrt(2) sin(sqrt(2 gamma) u + pi/4): E[f(u) f(v)] = exp(-gamma E[(u - v)^2])."""
        return cls._of("rbf", gamma)

    @classmethod
    def exp(cls) -> Self:
        """Return exp(u), which is outside the theory."""
        return cls._of("exp")

    @classmethod
    def gaussian(cls, b: float = 1.0) -> Self:
        """Return exp(-b u^2), b > 0."""
        return cls._of("gaussian", b)

    @classmethod
    def sign(cls) -> Self:
        """Return the sign of u, which is outside the theory and has no NTK."""
        return cls._of("sign")

    @classmethod
    def step(cls) -> Self:
        """Return 1 where u is positive, else 0: outside the theory, without an NTK."""
        return cls._of("step")

    @classmethod
    def monomial(cls, degree: int) -> Self:
        """Return u^degree, degree >= 1; outside the theory from 2 on."""
        return cls._of("monomial", degree)

    @classmethod
    def polynomial(cls, coefficients: Iterable[float]) -> Self:
        """Return c_0 + c_1 u + c_2 u^2 + ..., not constant; outside the theory from degree 2 on."""
        return cls._of("polynomial", *_validate.several(coefficients, "coefficients"))

    @classmethod
    def hermite(cls, degree: int) -> Self:
        """Return He_n(u) / sqrt(n!), n = degree >= 1, the probabilists' polynomial of norm 1.

        Where u has variance 1, E[f(u) f(v)] = cos^n; outside the theory from 2 on.
        """
        return cls._of("hermite", degree)

    @classmethod
    def tanh(cls) -> Self:
        """Return the hyperbolic tangent."""
        return cls._of("tanh")

    @classmethod
    def sigmoid(cls) -> Self:
        """Return 1 / (1 + exp(-u))."""
        return cls._of("sigmoid")

    @classmethod
    def softplus(cls) -> Self:
        """Return log(1 + exp(u))."""
        return cls._of("softplus")

    @classmethod
    def silu(cls) -> Self:
        """Return u / (1 + exp(-u)), also known as swish."""
        return cls._of("silu")

    @classmethod
    def mish(cls) -> Self:
        """Return u tanh(log(1 + exp(u)))."""
        return cls._of("mish")

    @classmethod
    def selu(cls) -> Self:
        """Return 1.0507 u where u is positive, else 1.7581 (exp(u) - 1), as PyTorch has it."""
        return cls._of("selu")

    @classmethod
    def elu(cls) -> Self:
        """Return u where it is positive, else exp(u) - 1."""
        return cls._of("elu")

    @classmethod
    def custom(
        cls,
        f: Callable[[Any], Any],
        df: Callable[[Any], Any] | None = None,
        kinks: Iterable[float] = (),
        *,
        name: str = "custom",
        lipschitz: bool = True,
        smooth: bool | None = None,
    ) -> Self:
        """Return a function of one's own.

        Parameters
        ----------
        f : callable
            From an array of floats to one of the same shape, elementwise; NumPy's, and on GPUs
            CuPy's.
        df : callable, optional
            Its derivative; central differences without it, which keep some eleven digits.
        kinks : sequence of float
            Where f' jumps: integrals are split there. f itself is taken to be continuous.
        name : str
            What messages call it.
        lipschitz : bool
            Whether it is Lipschitz: taken on trust, as what follows.
        smooth : bool, optional
            Whether it is twice differentiable with a bounded second derivative; by default if there
            are no kinks.

        Raises
        ------
        TypeError
            ``f`` or ``df`` is not callable, kinks are no numbers, ``name`` is no str, ``lipschitz``
            or ``smooth`` is no truth value.
        ValueError
            A name that is taken, or no identifier; kinks that are not finite.

        Notes
        -----
        Networks with it are equal if the functions are the same objects. They are pickled if the
        functions can be; files of `fastntk.load` hold no code, and refuse them.
        """
        made: Any = cls
        own: Self = made(name, functions=custom(f, df, kinks, lipschitz, smooth))
        return own

    @classmethod
    def _of(cls, name: str, *parameters: float) -> Self:
        made: Any = cls
        own: Self = made(name, parameters)
        return own
