"""How a run is carried out: checks, stages in kernels, a lock, a terminal; the only room that knows papermill."""
