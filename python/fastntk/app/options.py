# SPDX-License-Identifier: Apache-2.0
"""The options that commands share: one place for names, defaults' meaning and help texts."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from fastntk.activations.text import usages

_DATA, _NET, _RUN = "Data", "Network", "Computation"


class Kernel(str, Enum):
    """Which limiting kernel."""

    NTK = "ntk"
    NNGP = "nngp"


class Precision(str, Enum):
    """Type of the matrix entries."""

    FLOAT32 = "float32"
    FLOAT64 = "float64"


class Method(str, Enum):
    """Eigensolver."""

    AUTO = "auto"
    DENSE = "dense"
    KRYLOV = "krylov"


class Normalization(str, Enum):
    """What to do to the rows before anything else."""

    NONE = "none"
    CENTER = "center"
    SPHERE = "sphere"


class Targets(str, Enum):
    """What labels are."""

    AUTO = "auto"
    CLASSES = "classes"
    VALUES = "values"


class RidgeUnits(str, Enum):
    """What a ridge is measured in."""

    ABSOLUTE = "absolute"
    TRACE = "trace"


Data = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="NAME|FILE",
        rich_help_panel=_DATA,
        help="[bold]digits[/] (1,797 images of 8 x 8, built in), [bold]mnist[/] (60,000 of 28 x "
        "28), [bold]mnist-test[/] (10,000), or a file: .npy (X), .npz (keys X and y, or x_train "
        "and y_train, else the first array) or IDX, plain or .gz. MNIST is looked for in "
        "$FASTNTK_DATA/mnist, then in the user's cache, then downloaded; always verified.",
    ),
]
TestData = Annotated[
    str | None,
    typer.Option(
        "--test-data",
        metavar="NAME|FILE",
        rich_help_panel=_DATA,
        help="What to test on. Default: the test part that the data bring along (MNIST; x_test and "
        "y_test of an .npz; t10k-images beside train-images), else a fifth of the rows, drawn by "
        "--seed and kept apart from the training rows.",
    ),
]
TargetChoice = Annotated[
    Targets,
    typer.Option(
        rich_help_panel=_DATA,
        help="[bold]classes[/]: one output per label, and accuracy; [bold]values[/]: the labels as "
        "they are, and R^2; [bold]auto[/]: values for floating-point labels, else classes.",
    ),
]
Samples = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        rich_help_panel=_DATA,
        help="Use a random subset of N samples, drawn without replacement. Default: all.",
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        min=0,
        rich_help_panel=_DATA,
        help="Seed of the subset and of the solver's start vectors; same seed, same result.",
    ),
]
Normalize = Annotated[
    Normalization,
    typer.Option(
        rich_help_panel=_DATA,
        help="[bold]none[/]: values times --scale (uint8 stays exact); [bold]center[/]: minus "
        "the mean image of the samples used; [bold]sphere[/]: every row to norm sqrt(d).",
    ),
]
Scale = Annotated[
    float | None,
    typer.Option(
        metavar="FACTOR",
        rich_help_panel=_DATA,
        help="The network's inputs are FACTOR times the stored values, > 0. Default: 1/255 for "
        "uint8 files and MNIST, 1/16 for the digits (pixels become 0 to 1), 1 for other files.",
    ),
]
HiddenLayers = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="L",
        rich_help_panel=_NET,
        help="Hidden layers; the paper's L is one more. 0 is the linear kernel.",
    ),
]
Activation = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        rich_help_panel=_NET,
        help=f"Nonlinearity: {', '.join(usages())}; as in 'leaky_relu(0.1)'.",
    ),
]
WeightStd = Annotated[
    float,
    typer.Option(
        metavar="STD",
        rich_help_panel=_NET,
        help="Factor of the weights in each layer (the paper: 1), > 0.",
    ),
]
InitStd = Annotated[
    float | None,
    typer.Option(
        metavar="STD",
        rich_help_panel=_NET,
        help="The other reading of the weights' variance: drawn with this deviation and an "
        "unscaled forward map.",
    ),
]
BiasStd = Annotated[
    float,
    typer.Option(
        metavar="STD",
        rich_help_panel=_NET,
        help="Factor of the biases, the paper's beta (0.1), >= 0.",
    ),
]
KernelChoice = Annotated[
    Kernel,
    typer.Option(
        "--kernel",
        rich_help_panel=_NET,
        help="[bold]ntk[/]: the limiting neural tangent kernel; [bold]nngp[/]: the covariance of "
        "the network at initialisation.",
    ),
]
Storage = Annotated[
    str,
    typer.Option(
        metavar="NAME|FILE",
        rich_help_panel=_RUN,
        help="[bold]dense[/]: all of K; [bold]packed[/]: one triangle, half the memory; "
        "[bold]lazy[/]: nothing, K is computed again at each pass; [bold]auto[/]: dense up to "
        "8,192 samples, packed beyond; lazy where the memory budget has room for neither. Or a "
        "file such as K.gram, read at each pass: one triangle on disk; made if missing, gone "
        "on with if it was interrupted, used at once if complete.",
    ),
]
Ridge = Annotated[
    float,
    typer.Option(
        metavar="R",
        rich_help_panel=_RUN,
        help="Added to the diagonal of K, in --ridge-units, >= 0.",
    ),
]
RidgeUnitsChoice = Annotated[
    RidgeUnits,
    typer.Option(
        rich_help_panel=_RUN,
        help="[bold]absolute[/]: R is added as it is; [bold]trace[/]: R times the mean of K's "
        "diagonal.",
    ),
]
Dtype = Annotated[
    Precision | None,
    typer.Option(
        rich_help_panel=_RUN,
        help="Type of the entries of K. Default: float32, or float64 for float64 data.",
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        rich_help_panel=_RUN,
        help="Memory budget such as '8 GB' or '512 MiB': of the GPU that computes, else "
        "of the host. Default: half of what is available, nine tenths on a GPU.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="T",
        rich_help_panel=_RUN,
        help="Threads of the CPU. Default: $OMP_NUM_THREADS, else the CPUs this process may use.",
    ),
]
Device = Annotated[
    str,
    typer.Option(
        metavar="auto|cpu|cuda|cuda:N",
        rich_help_panel=_RUN,
        help="Where to compute. [bold]auto[/]: on a GPU if the build, CuPy and the machine have "
        "one ([cyan]fastntk info[/] tells), else on the CPU; [bold]cuda:1[/]: on the second GPU. "
        "Files of tiles are the CPU's to compute.",
    ),
]
