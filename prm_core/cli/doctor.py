"""`doctor`: can a checkpoint be trusted to give its authors' numbers?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from prm_core.errors import BadOptionError, PRMError
from prm_core.model_options import loading_arguments, request_of

if TYPE_CHECKING:
    from prm_core.doctor import Finding, Golden


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`doctor`: its arguments."""
    parser.add_argument("model", metavar="MODEL", help="directory or Hub name of a model")
    parser.add_argument(
        "--published",
        metavar="NAME",
        help="repository whose published numbers to compare with, for a copy under another name",
    )
    loading_arguments(parser)


def main(options: argparse.Namespace) -> int:
    """`doctor`: a line for each check, and a last line that says whether to trust the model.

    Returns:
        The exit code: 0 when nothing is wrong.

    Raises:
        BadOptionError: there are no published numbers under the given name.
    """
    from prm_core.doctor import golden_examples, verdict

    golden = golden_examples(options.published or options.model)
    if options.published and not golden:
        raise BadOptionError(f"there are no published numbers of {options.published}")
    findings = []
    for finding in _loaded_and_examined(options, golden):
        findings.append(finding)
        print(f"{'ok ' if finding.good else 'BAD'}  {finding.name:<9} {finding.text}", flush=True)
    trusted, line = verdict(findings)
    print(line)
    return 0 if trusted else 1


def _loaded_and_examined(
    options: argparse.Namespace, golden: Sequence[Golden]
) -> Iterator[Finding]:
    """The findings; a model that cannot be loaded is the only finding.

    Loading names whatever is missing or misshapen, as for every other command.
    """
    from prm_core.doctor import Finding, examine
    from prm_core.scoring.load import load

    try:
        scorer = load(request_of(options))
    except PRMError as error:
        yield Finding("loading", False, str(error))
        return
    yield from examine(scorer, golden)
