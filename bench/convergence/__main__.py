# SPDX-License-Identifier: Apache-2.0
"""Measure, print the table, write the record; 1 if a claim does not hold."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

from bench import machine
from bench.convergence import initialisation, lazy
from bench.convergence.claims import table
from bench.resident import peak_bytes
from fastntk.paper import circle


def main() -> int:
    """Run both parts."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.convergence",
        description="How finite networks approach the limit, over widths from 50 to 10,000.",
    )
    parser.add_argument("--quick", action="store_true", help="narrow networks, under a minute")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON record here")
    args = parser.parse_args()
    start = perf_counter()

    def say(text: str) -> None:
        print(f"{perf_counter() - start:5.0f} s  {text}", file=sys.stderr, flush=True)

    net = circle.limiting_network()
    plan = initialisation.QUICK if args.quick else initialisation.FULL
    lines, at_first = initialisation.claims(net, plan, say)
    more, trained = lazy.claims(lazy.QUICK if args.quick else lazy.FULL, say)
    lines += more
    seconds = perf_counter() - start
    print(table(lines))
    say(f"done, with at most {peak_bytes() / 1e9:.2f} GB")
    if args.out:
        record = {
            "machine": machine.describe(),
            "seconds": seconds,
            "peak_bytes": peak_bytes(),
            "claims": [asdict(line) for line in lines],
            "initialisation": asdict(at_first),
            "training": asdict(trained),
        }
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if all(line.holds for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
