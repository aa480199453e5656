# SPDX-License-Identifier: Apache-2.0
"""Long help texts: paragraphs on one line each, because the help reflows them to the terminal."""

from __future__ import annotations

MAIN = """\
Exact neural tangent kernels of wide networks: Gram matrices, kernel PCA and regression of whole \
data sets, and the dynamics of training.

Start with [cyan]fastntk kpca[/], which needs no data and no options."""

KPCA = (
    "Kernel PCA with the limiting kernel of a wide network.\n\n"
    "Writes three files to the folder --out, all of them or, if anything fails, none; those of an "
    "earlier run are replaced:\n\n"
    "[bold]components.png[/]: the samples in the plane of components 2 and 3, coloured by class (1 "
    "and 2 with --centered, which removes the nearly constant first one)\n\n"
    "[bold]eigenpairs.npz[/]: values, vectors, residuals, labels, rows used\n\n"
    "[bold]result.json[/]: the same values with every parameter, versions, timings, peak memory"
)

KPCA_EXAMPLES = """\
[bold]Examples[/]

[cyan]fastntk kpca[/]  [dim]# scikit-learn's digits, in seconds[/]

[cyan]fastntk kpca --data mnist -k 50 --out mnist50[/]  [dim]# all of MNIST[/]

[cyan]fastntk kpca --data mnist -k 50 --storage lazy --memory "2 GB"[/]

[cyan]fastntk kpca --data mnist -k 50 --storage mnist.gram[/]  [dim]# K stays on disk[/]

[cyan]fastntk kpca --data mnist --samples 512 --seeds 20[/]  [dim]# mean and spread[/]

[cyan]fastntk kpca --data faces.npz --normalize center --kernel nngp[/]"""

REGRESS = (
    "Regression with the limiting kernels of a wide network.\n\n"
    "Solves (K + ridge I) A = Y for all training rows, and says how well K(Z, X) A fits the test "
    "rows. With the NTK this is what infinitely wide networks have learnt at the end of training, "
    "on average; with the NNGP, the mean of the Bayesian posterior. Writes to the folder --out, "
    "all files or none:\n\n"
    "[bold]confusion.png[/]: what each class is taken for (agreement.png, predicted against true, "
    "where the labels are values)\n\n"
    "[bold]predictions.npz[/]: scores and predictions of each kernel, labels, classes\n\n"
    "[bold]result.json[/]: accuracy, residuals, every parameter, versions, timings, peak memory"
)

REGRESS_EXAMPLES = """\
[bold]Examples[/]

[cyan]fastntk regress[/]  [dim]# the digits, a fifth of them held out[/]

[cyan]fastntk regress --data mnist --out mnist[/]  [dim]# 60,000 to train on, 10,000 to test on[/]

[cyan]fastntk regress --data mnist --kernel ntk --storage mnist.gram[/]  [dim]# K stays on disk[/]

[cyan]fastntk regress --data train.npz --test-data test.npz --ridge 1e-3 --ridge-units trace[/]"""

DYNAMICS = (
    "Training of an infinitely wide network over time, exactly.\n\n"
    "Gradient flow on the least-squares cost, from outputs 0: f_t at the training rows, at rows "
    "held out of them, whose least cost says where to stop, and at the test rows. Writes to the "
    "folder --out, all files or none:\n\n"
    "[bold]dynamics.png[/]: the eigenvalues of K/N, which are the decay rates of the components; "
    "cost and classification error over time\n\n"
    "[bold]curve.npz[/]: times, costs, errors, time constants, f_t at the test rows\n\n"
    "[bold]result.json[/]: the curves with every parameter, versions, timings, peak memory"
)

DYNAMICS_EXAMPLES = """\
[bold]Examples[/]

[cyan]fastntk dynamics[/]  [dim]# the digits, in seconds[/]

[cyan]fastntk dynamics --data mnist --out mnist[/]

[cyan]fastntk dynamics --data mnist --samples 5000 --label-noise 0.4[/]  [dim]# when to stop[/]

[cyan]fastntk dynamics --data mnist --samples 5000 --label-noise 1 --holdout 0[/]  \
[dim]# random labels[/]

[cyan]fastntk dynamics --times 1:1e6:13,inf[/]"""

GRAM = (
    "Write the Gram matrix K of a data set as an .npy file, or as a .gram file of tiles.\n\n"
    "A matrix beyond the memory budget is computed straight into the file. Disk space is checked "
    "first, and an .npy file appears complete or not at all; the .json beside it tells how it was "
    "made.\n\n"
    "A .gram file holds one triangle, and can be stopped: the same command goes on where it was, "
    "and refuses a file of other data or another network. [cyan]fastntk kpca --storage "
    "FILE.gram[/] reads it."
)

GRAM_EXAMPLES = """\
[bold]Examples[/]

[cyan]fastntk gram --data mnist --samples 5000 --out ntk.npy[/]

[cyan]fastntk gram --data images.npy --dtype float64 --hidden-layers 2 --out K.npy[/]

[cyan]fastntk gram --data mnist --samples 5000 --out results[/]  [dim]# results/gram.npy[/]

[cyan]fastntk gram --data mnist --out mnist.gram[/]  [dim]# 7.3 GB; stop it, start it again[/]

then in Python: [cyan]K = numpy.load("K.npy", mmap_mode="r")[/] or [cyan]op = \
fastntk.GramOperator.from_file("mnist.gram")[/]"""

PAPER = (
    "Repeat the experiments of the paper that introduced the NTK (Jacot, Gabriel and Hongler, "
    "2018, section 6).\n\n"
    "Prints what the paper says beside what we get. Writes to the folder --out, for each "
    "experiment:\n\n"
    "[bold]NAME.png[/] and [bold]NAME.svg[/]: the figure, as the paper's\n\n"
    "[bold]NAME.npz[/]: everything that the figure shows\n\n"
    "[bold]NAME.json[/] and [bold]NAME.md[/]: the table; the former with settings, versions, "
    "seconds\n\n"
    "Finished networks are kept in the folder's parts/: stopped by Ctrl-C, the same command goes "
    "on there. The exit code is 1 if the run itself is broken (values that are not finite, an "
    "identity that does not hold), not if it contradicts the paper: then the table says no."
)

PAPER_EXAMPLES = """\
[bold]Examples[/]

[cyan]fastntk paper fig1[/]  [dim]# the NTK on the circle[/]

[cyan]fastntk paper all --quick[/]  [dim]# everything, in minutes[/]

[cyan]fastntk paper fig2 frequency --out circle --seed 1[/]"""

DEMO = (
    "Show in the browser what infinitely wide networks learn from points that you click.\n\n"
    "Serves a page to this machine until Ctrl-C: the mean and the spread of trained networks, over "
    "the time of training too, finite networks trained on the same points, the kernel and its "
    "spectrum. The page fetches nothing from elsewhere; its address holds all that it shows."
)

DEMO_EXAMPLES = """\
[bold]Examples[/]

[cyan]fastntk demo[/]

[cyan]fastntk demo --port 0 --no-browser[/]  [dim]# a free port; the address is printed[/]

[cyan]fastntk demo --address 0.0.0.0[/]  [dim]# for a phone in the same network[/]"""
