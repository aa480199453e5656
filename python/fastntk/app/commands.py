# SPDX-License-Identifier: Apache-2.0
"""The command line's commands, assembled."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

import fastntk
from fastntk.app import activation_facts, help_texts, machine, tables
from fastntk.app.demo_command import demo
from fastntk.app.dynamics_command import dynamics
from fastntk.app.errors import OneLineErrors
from fastntk.app.gram_command import gram
from fastntk.app.kpca_command import kpca
from fastntk.app.paper_command import paper
from fastntk.app.regress_command import regress

app = typer.Typer(
    cls=OneLineErrors,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(help=help_texts.KPCA, epilog=help_texts.KPCA_EXAMPLES)(kpca)
app.command(help=help_texts.REGRESS, epilog=help_texts.REGRESS_EXAMPLES)(regress)
app.command(help=help_texts.DYNAMICS, epilog=help_texts.DYNAMICS_EXAMPLES)(dynamics)
app.command(help=help_texts.GRAM, epilog=help_texts.GRAM_EXAMPLES)(gram)
app.command(help=help_texts.PAPER, epilog=help_texts.PAPER_EXAMPLES)(paper)
app.command(help=help_texts.DEMO, epilog=help_texts.DEMO_EXAMPLES)(demo)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"fastntk {fastntk.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True, help=help_texts.MAIN)
def fastntk_command(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Print the help where no command is given."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


@app.command()
def info(
    activation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Show what is known of a nonlinearity instead: which theorems cover the network, "
            "whether there is an NTK, and how its kernels are computed.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show versions, instruction sets, threads, memory, GPU and where data are looked for."""
    facts = machine.facts() if activation is None else activation_facts.facts(activation)
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        Console().print(tables.info_table(facts))
