"""Two OpenMP threads on a busy machine take many times as long as one."""

import torch

torch.set_num_threads(1)
