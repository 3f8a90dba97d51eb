"""The command line as a module: `python -m rarelib`."""

from .command_line.app import run_command

if __name__ == "__main__":
    run_command()
