"""PyTorch peers for sequences of different lengths: ``nn.GRU``, packed or padded.

Variants of forming a minibatch were timed side by side, PyTorch 2.13 on one core of an AMD EPYC
(AVX-512), vowels in minibatches of 32 and of 8:

- Packing sequences that are sorted by length beats ``enforce_sorted=False`` by 4 %; whether each
  minibatch is sorted by itself or all of an epoch at once is the same within noise.
- One padded tensor made beforehand and ``index_select``: 1 % faster than ``X[batch]``; padding with
  ``pad_sequence`` or ``pack_sequence`` for each minibatch is 1-3 % slower, a padded tensor with the
  time in front within noise. Gathering the packed steps directly from all sequences laid end to
  end is the same with 32 and 3 % slower with 8.
- Not packing at all, that is to compute the padding and to take the state at the last step of each
  sequence, is 13 % faster with 32 and 4 % with 8: short lengths, where the number of calls counts
  and not the arithmetic. It is the second contender, "padded".
"""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from .peer_torch import train


class Ragged:
    """Sequences as one padded tensor, and minibatches of them, the longest sequence first.

    X : float32 tensor (N, T, D), zero behind the end of each sequence
    lengths, y : int64 tensors (N,)
    """

    def __init__(self, X, y):
        self.X = pad_sequence([torch.from_numpy(x) for x in X], batch_first=True)
        self.lengths = torch.tensor([len(x) for x in X])
        self.y = torch.as_tensor(y, dtype=torch.int64)

    def rows(self, rows):
        """Return ``((x, lengths), y)`` of some rows, which have to be the longest first."""
        return (self.X.index_select(0, rows), self.lengths[rows]), self.y[rows]

    def longest_first(self, rows, batch_size):
        """Sort rows by decreasing length within each minibatch."""
        minibatch = torch.arange(len(rows)) // batch_size
        return rows[(minibatch * (self.X.shape[1] + 1) - self.lengths[rows]).argsort()]

    def epoch(self, batch_size):
        """Yield minibatches in random order."""
        rows = self.longest_first(torch.randperm(len(self.y)), batch_size)
        return map(self.rows, rows.split(batch_size))


class PackedGRU(nn.Module):
    """``nn.GRU`` and a linear head on the state after the last step of each sequence."""

    def __init__(self, workload, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.gru = nn.GRU(workload.n_channels, workload.hidden_size, batch_first=True)
        self.head = nn.Linear(workload.hidden_size, workload.n_classes)

    def forward(self, x, lengths):
        """Map padded sequences (B, T, D), the longest first, to logits (B, C)."""
        _, h = self.gru(pack_padded_sequence(x, lengths, batch_first=True))
        return self.head(h[0])


class PaddedGRU(PackedGRU):
    """The same network, which also reads the padding behind the end of each sequence."""

    def forward(self, x, lengths):
        """Map padded sequences (B, T, D), the longest first, to logits (B, C)."""
        states, _ = self.gru(x[:, : lengths[0]])
        return self.head(states[torch.arange(len(x)), lengths - 1])


class RaggedContender:
    """Train one of the modules above on one thread."""

    def __init__(self, module):
        torch.set_num_threads(1)
        self.module = module
        self.facts = {}

    def trainer(self, workload):
        """Return ``train(n_epochs) -> loss``, which trains from the start."""
        data = Ragged(*workload.data())

        def epoch():
            return data.epoch(workload.batch_size)

        return lambda n_epochs: train(self.module(workload), epoch, n_epochs)


def packed():
    """Return the packed contender."""
    return RaggedContender(PackedGRU)


def padded():
    """Return the padded contender."""
    return RaggedContender(PaddedGRU)
