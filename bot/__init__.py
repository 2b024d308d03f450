"""The Discord side: commands, buttons, cards. No other package knows Discord."""

import os

# numpy's OpenBLAS starts a thread for each core when it is imported, and they wait for each other without sleep. The matrices of
# marks and filters are small: with one thread, marking a picture takes a third of the CPU time. A worker keeps its own number.
_THREADS = "OPENBLAS_NUM_THREADS"
if _THREADS not in os.environ:
    os.environ[_THREADS] = "1"
    import numpy as numpy

    del os.environ[_THREADS]
