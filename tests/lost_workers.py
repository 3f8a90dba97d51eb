"""Pools whose workers outlive their driver, or write where the driver does not look."""


class KilledDriver:
    """Is killed when tasks 0 and 2 of four are done; its worker holds task 3 and finishes that when it is told to."""

    def run(self, make, tasks):
        """Do two tasks and break off."""
        first, _, third, self.held = tasks
        self.worker = make(1)
        yield self.worker(*first)
        yield self.worker(*third)
        raise KeyboardInterrupt

    def finish(self):
        """Do the task that was in work when the driver was killed."""
        self.worker(*self.held)


class WithStale:
    """Does all tasks, while a worker of the driver before it finishes its own."""

    def __init__(self, killed):
        self.killed = killed

    def run(self, make, tasks):
        """Do all tasks; the stale worker writes last."""
        worker = make(1)
        for number, task in tasks:
            yield worker(number, task)
        self.killed.finish()


class Elsewhere:
    """Does nothing that the driver can see, as a machine does that has another folder under the run's path."""

    def run(self, make, tasks):
        """Say of each task that it is done."""
        for _, task in tasks:
            yield len(task)
