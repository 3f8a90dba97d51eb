"""A run whose results lie at an address: claimed, fetched, and saved while it works and after each stage."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..addresses.remote import RemotePath
from ..params import ParameterError, Params
from ..run.claim import Claim, InUse
from ..run.folder import RunFolder
from ..run.mirror import PICTURES, Mirror, Torn
from ..run.places import run_place
from .terminal import Terminal

SAVE_EVERY_S = 30.0  # while a stage works: so much work is lost at most when a machine is
SHARE = 20  # at least so many times as long as saving took is waited before the next time
LAST_S = 20.0  # how long a stopped run goes on saving: within the half minute that a cluster gives before it kills


class NotSaved(RuntimeError):
    """The address of a run does not answer; the message says what is whole, and where."""


class OnDisk:
    """A run whose folder is its place: nothing is fetched, nothing saved."""

    def fetch_rest(self) -> None:
        """Do nothing."""

    def save(self, *, last: bool = False) -> None:
        """Do nothing."""

    @contextmanager
    def saving_meanwhile(self) -> Iterator[None]:
        """Do nothing more than what is done meanwhile."""
        yield


class AtAddress(OnDisk):
    """A run at an address, claimed by this process."""

    def __init__(self, run: RunFolder, mirror: Mirror, claim: Claim) -> None:
        """Take a run whose small files were fetched."""
        self._run, self._mirror, self._claim = run, mirror, claim
        self._saved = 0
        run.elsewhere = mirror.elsewhere()

    def fetch_rest(self) -> None:
        """Fetch what is still elsewhere, such as crops: a stage that has to work may need all of it.

        Raises:
            NotSaved: If the address cannot be read.
        """
        if not self._run.elsewhere:
            return
        try:
            _fetch(self._mirror, pictures=True)
        except OSError as error:
            said = f"{error.strerror or error}".rstrip(".")
            raise NotSaved(
                f"Crops could not be fetched from {self._mirror.place}: {said}. The same command goes on from here."
            ) from error
        self._run.elsewhere = self._mirror.elsewhere()

    def save(self, *, last: bool = False) -> None:
        """Save what is new or changed; the last time, tidy up behind killed runs where anything was saved.

        Raises:
            NotSaved: If the address cannot be written.
        """
        try:
            self._saved += self._mirror.save(self._claim.check)
            if last and self._saved:
                self._mirror.tidy()
        except (OSError, InUse) as error:
            said = f"{getattr(error, 'strerror', None) or error}".rstrip(".")
            raise NotSaved(
                f"Results could not be written to {self._mirror.place}: {said}. "
                f"All is whole in {self._run.root}; the same command goes on from here."
            ) from error

    @contextmanager
    def saving_meanwhile(self) -> Iterator[None]:
        """Save now and then while a stage works, so that another machine can go on with its finished parts."""
        stop = threading.Event()
        thread = threading.Thread(target=self._save_until, args=(stop,), name="saving", daemon=True)
        thread.start()
        try:
            yield
        except BaseException:  # what a stage that failed or was stopped has finished is saved as well
            stop.set()
            last = threading.Thread(target=self._save_after, args=(thread,), name="saving at last", daemon=True)
            last.start()
            last.join(LAST_S)
            raise
        finally:
            stop.set()
        thread.join(LAST_S)

    def _save_until(self, stop: threading.Event) -> None:
        pause_s = SAVE_EVERY_S
        while not stop.wait(pause_s):
            start = time.monotonic()
            self._try_to_save()  # again, should it fail; after the stage it counts
            pause_s = max(SAVE_EVERY_S, SHARE * (time.monotonic() - start))

    def _save_after(self, saving: threading.Thread) -> None:
        saving.join()
        self._try_to_save()

    def _try_to_save(self) -> None:
        with suppress(NotSaved):
            self.save()


@contextmanager
def kept_at_its_place(run: RunFolder, params: Params, terminal: Terminal) -> Iterator[OnDisk]:
    """Give what keeps a run at its address, its small files fetched and the run claimed; of a run on disk nothing.

    Raises:
        ParameterError: If another machine writes the run, or the address cannot be read or written.
    """
    place = run_place(params.runs_dir, params.name)
    if place is None:
        yield OnDisk()
        return
    claim = Claim(place)
    try:
        claim.take()
    except InUse as error:
        raise ParameterError(str(error)) from error
    except OSError as error:
        raise _unusable(place, error) from error
    try:
        mirror = Mirror(run.root, place)
        try:
            came = _fetch(mirror)
        except (OSError, ValueError) as error:
            raise _unusable(place, error) from error
        terminal.working_in(run.root, place, came)
        yield AtAddress(run, mirror, claim)
    finally:
        claim.leave()


def check_writable(params: Params) -> None:
    """Check that objects can be written and deleted where the run's results are to lie.

    Raises:
        ParameterError: If they cannot.
    """
    try:
        place = run_place(params.runs_dir, params.name)
    except ValueError as error:  # names no password
        raise ParameterError(str(error)) from error
    if place is None:
        return
    probe = place / "mirror" / "probe"
    try:
        probe.write_bytes(b"")
        probe.delete()
    except (OSError, ValueError, ImportError, NotImplementedError) as error:
        raise _unusable(place, error) from error


def _fetch(mirror: Mirror, *, pictures: bool = False) -> int:
    """Fetch files of a claimed run; those that are not what was entered are made again."""
    while True:
        try:
            return mirror.fetch(lambda path: pictures or not path.startswith(PICTURES))
        except Torn as torn:
            mirror.strike(torn.paths)


def _unusable(place: RemotePath, error: Exception) -> ParameterError:
    said = str(getattr(error, "strerror", None) or error)
    return ParameterError(f"The 'runs_dir' parameter: {place} cannot be used: {' '.join(said.split()).rstrip('.')}.")
