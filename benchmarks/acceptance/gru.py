"""PyTorch's ``nn.GRU`` as people use it, beside which the defaults are measured.

32 units and a linear head on the last state; Adam, cross-entropy, gradients clipped at a norm of 5,
minibatches of 32, the weights after 100 epochs. Sequences of different lengths are packed.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

RATES = (1e-2, 1e-3)
HIDDEN_SIZE = 32
CLIP_NORM = 5.0
#: Rows of a forward pass over the test part.
ROWS_AT_ONCE = 1000


class LastState(nn.Module):
    """``nn.GRU`` and a linear head on the state after the last step of each sequence."""

    def __init__(self, n_channels, n_classes):
        super().__init__()
        self.gru = nn.GRU(n_channels, HIDDEN_SIZE, batch_first=True)
        self.head = nn.Linear(HIDDEN_SIZE, n_classes)

    def forward(self, X, lengths):
        """Map padded sequences (B, T, D) of lengths (B,), or None if all are T, to logits."""
        if lengths is not None:
            X = pack_padded_sequence(X, lengths, batch_first=True, enforce_sorted=False)
        _, h = self.gru(X)
        return self.head(h[0])


def padded(X):
    """Return sequences as one tensor (N, T, D), and lengths (N,), or None where they are equal."""
    lengths = torch.tensor([len(x) for x in X])
    tensor = pad_sequence([torch.from_numpy(x) for x in X], batch_first=True)
    return tensor, None if (lengths == lengths[0]).all() else lengths


def minibatches(X, lengths, rows, batch_size):
    """Yield rows, and the sequences of these rows without needless padding."""
    for part in rows.split(batch_size):
        if lengths is None:
            yield part, (X[part], None)
        else:
            yield part, (X[part, : lengths[part].max()], lengths[part])


def trained(X, y, n_classes, *, rate, seed, batch_size=32, n_epochs=100):
    """Train on scaled sequences with labels 0..n_classes-1 and return the module."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    (X, lengths), y = padded(X), torch.from_numpy(y)
    module = LastState(X.shape[2], n_classes)
    optimizer = torch.optim.Adam(module.parameters(), lr=rate, fused=True)
    for _ in range(n_epochs):
        for rows, inputs in minibatches(X, lengths, torch.randperm(len(y)), batch_size):
            optimizer.zero_grad()
            F.cross_entropy(module(*inputs), y[rows]).backward()
            nn.utils.clip_grad_norm_(module.parameters(), CLIP_NORM)
            optimizer.step()
    return module


def accuracy(module, X, y):
    """Return the share of scaled sequences whose label is predicted."""
    (X, lengths), y = padded(X), torch.from_numpy(y)
    rows = torch.arange(len(y))
    with torch.inference_mode():
        right = sum(
            (module(*inputs).argmax(1) == y[part]).sum().item()
            for part, inputs in minibatches(X, lengths, rows, ROWS_AT_ONCE)
        )
    return right / len(y)
