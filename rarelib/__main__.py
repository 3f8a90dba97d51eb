"""The command line: run, params, check, lab."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from .params import ParameterError, load_params, parameter_table, parse_flags

USAGE = """rarelib: find the rare and the strange in driving pictures

  python -m rarelib run PARAMS.yaml [--sampling_rate 0.2 --skip_caption true …]   run all stages
  python -m rarelib run --images_folder FOLDER --name NAME …                      the same without a file
  python -m rarelib params                                                        all parameters as a table
  python -m rarelib check runs/NAME                                               verify a finished run
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 a stage or check failed, 2 wrong input, 130 stopped."""
    arguments = sys.argv[1:] if arguments is None else arguments
    command, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    commands = {"run": _run, "params": _params, "check": _check, "help": _help, "--help": _help, "-h": _help}
    if command not in commands:
        return _refuse(f"Unknown command '{command[:80]}'. Known: run, params, check, help.")
    try:
        return commands[command](rest)
    except ParameterError as error:
        return _refuse(str(error))


def _run(rest: list[str]) -> int:
    path, flags = (rest[0], rest[1:]) if rest and not rest[0].startswith("--") else (None, rest)
    params = load_params(path, parse_flags(flags))
    from .pipeline.stages import StageFailed, run_pipeline

    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        run_pipeline(params)
    except StageFailed as error:
        print(f"\nrarelib: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\nrarelib: stopped. Finished parts are kept; the same command goes on from here.",
            file=sys.stderr,
        )
        return 130
    except OSError as error:
        print(f"\nrarelib: the run folder cannot be written: {error.strerror or error}.", file=sys.stderr)
        return 1
    return 0


def _params(rest: list[str]) -> int:
    print(parameter_table())
    return 0


def _check(rest: list[str]) -> int:
    if len(rest) != 1 or not Path(rest[0]).is_dir():
        return _refuse("check needs the folder of a run, such as runs/demo.")
    from .pipeline.check import check_run

    problems = check_run(Path(rest[0]))
    print("\n".join(problems) if problems else f"{rest[0]}: all ids resolve, all files are there, all counts agree.")
    return 1 if problems else 0


def _help(rest: list[str]) -> int:
    print(USAGE)
    return 0


def _refuse(message: str) -> int:
    print(f"rarelib: {message}", file=sys.stderr)
    return 2


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second signal must not break the clean-up
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _leave(code: int) -> None:
    if code == 130:  # an interrupt during an import may end Python as killed by a signal, whatever main returned
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    _leave(main())
