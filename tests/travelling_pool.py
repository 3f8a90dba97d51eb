"""A pool of threads to which everything travels as to other machines: pickled, there and back."""

import pickle
from concurrent.futures import ThreadPoolExecutor


class TravellingPool:
    """As many workers as its size; what a worker is made of, its tasks and its results are pickled."""

    def __init__(self, size, *, lose_first=False):
        self.size, self.lose_first, self.asked = size, lose_first, []

    def run(self, make, tasks, *, limit=None):
        """Do all tasks, each worker its share of them; a lost worker's task is done again by a new one."""
        size = min(self.size, limit or self.size)
        sent = [pickle.dumps(task) for task in tasks]
        self.asked.append(len(sent))
        make = pickle.dumps(make)
        with ThreadPoolExecutor(size) as threads:
            shares = [threads.submit(self._work, make, sent[first::size]) for first in range(size)]
            for share in shares:
                yield from (pickle.loads(result) for result in share.result())

    def _work(self, make, tasks):
        worker = pickle.loads(make)(1)
        if self.lose_first and tasks:
            worker(*pickle.loads(tasks[0]))  # done, but nobody hears of it
            worker = pickle.loads(make)(1)
        return [pickle.dumps(worker(*pickle.loads(task))) for task in tasks]
