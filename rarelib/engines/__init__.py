"""What work is done by: threads of this process, or actors on a cluster; the only room that knows Ray."""

from .pools import ONE_GPU, Make, Pool, Workers, check_engine, choose_workers

__all__ = ["ONE_GPU", "Make", "Pool", "Workers", "check_engine", "choose_workers"]
