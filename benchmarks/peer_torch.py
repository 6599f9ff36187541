"""PyTorch peers: a FastGRNN written by hand, and ``nn.GRU``.

Both train eagerly, as PyTorch is used. Variants were timed side by side, PyTorch 2.13 on one
core of an AMD EPYC (AVX-512); the fastest are kept:

- Adam: ``fused=True`` beats ``foreach=True`` by 15-20 % on tabular, within noise elsewhere.
- FastGRNN: folding b_h into the projection of the inputs and blending the state with one
  ``addcmul`` saves 7-18 % on sequences over the equations as they are printed; ``lerp`` instead of
  ``addcmul`` is the same within noise, and so is a feature-major (H, B) state.
- GRU: ``batch_first`` makes no difference beyond noise.
- ``torch.compile`` was not tried: this peer is eager PyTorch.
"""

import time

import torch
import torch.nn.functional as F
from torch import nn

from .parameters import initial_parameters
from .settings import BETA_1, BETA_2, CLIP_NORM, EPSILON, LEARNING_RATE


class FastGRNN(nn.Module):
    """FastGRNN cell and linear head on the last state (Kusupati et al., NeurIPS 2018).

    a_t = W x_t + U h_{t-1};  z_t = sigmoid(a_t + b_z);  c_t = tanh(a_t + b_h)
    h_t = (zeta (1 - z_t) + nu) * c_t + z_t * h_{t-1}
        = (zeta + nu) c_t + z_t * (h_{t-1} - zeta c_t)
    zeta = sigmoid(zeta_hat), nu = sigmoid(nu_hat)
    """

    def __init__(self, workload):
        super().__init__()
        for name, value in initial_parameters(workload).items():
            self.register_parameter(name, nn.Parameter(torch.from_numpy(value)))

    def forward(self, x):
        """Map sequences (B, T, D) to logits (B, C)."""
        zeta = torch.sigmoid(self.zeta_hat)
        zeta_nu = zeta + torch.sigmoid(self.nu_hat)
        b_gate = self.b_z - self.b_h
        U_T = self.U.t()
        # W x_t + b_h of all steps in one product, (T, B, H).
        projected = F.linear(x.transpose(0, 1), self.W, self.b_h)
        h = x.new_zeros(x.shape[0], self.U.shape[0])
        for w in projected.unbind(0):
            a = torch.addmm(w, h, U_T)  # a_t + b_h
            z = torch.sigmoid(a + b_gate)
            c = torch.tanh(a)
            h = torch.addcmul(zeta_nu * c, z, h - zeta * c)
        return F.linear(h, self.V, self.c)


class GRU(nn.Module):
    """``nn.GRU`` of the same hidden size and a linear head on its last state."""

    def __init__(self, workload):
        super().__init__()
        torch.manual_seed(0)
        self.gru = nn.GRU(workload.n_channels, workload.hidden_size, batch_first=True)
        self.head = nn.Linear(workload.hidden_size, workload.n_classes)

    def forward(self, x):
        """Map sequences (B, T, D) to logits (B, C)."""
        _, h = self.gru(x)
        return self.head(h[0])


def train(model, epoch, n_epochs):
    """Train a module with the settings of all contenders.

    Parameters
    ----------
    model : nn.Module
    epoch : callable
        ``epoch()`` yields the minibatches of an epoch: a tuple of what the module takes, and
        labels (B,).
    n_epochs : int

    Returns
    -------
    float
        The mean training loss of the last epoch.
    """
    parameters = list(model.parameters())
    optimizer = torch.optim.Adam(
        parameters, lr=LEARNING_RATE, betas=(BETA_1, BETA_2), eps=EPSILON, fused=True
    )
    for _ in range(n_epochs):
        losses = []
        for inputs, y in epoch():
            loss = F.cross_entropy(model(*inputs), y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
            optimizer.step()
            losses.append(loss.detach())
    return torch.stack(losses).mean().item()


class TorchContender:
    """Train and predict with a PyTorch module on one thread."""

    def __init__(self, module):
        torch.set_num_threads(1)
        self.module = module
        self.facts = {}

    def trainer(self, workload):
        """Prepare training; the result trains from the start for some epochs.

        Returns
        -------
        callable
            ``train(n_epochs) -> loss``, the mean training loss of the last epoch.
        """
        X, y = map(torch.from_numpy, workload.data())

        def epoch():
            for batch in torch.randperm(len(X)).split(workload.batch_size):
                yield (X[batch],), y[batch]

        return lambda n_epochs: train(self.module(workload), epoch, n_epochs)

    def predictor(self, workload, n_rows):
        """Prepare ``predict_proba`` of the first rows, at the fastest of some batch sizes."""
        X = workload.data()[0][:n_rows]
        model = self.module(workload).eval()

        def predict(batch_size):
            with torch.inference_mode():
                batches = torch.from_numpy(X).split(batch_size)
                return torch.cat([model(x).softmax(1) for x in batches]).numpy()

        def seconds(batch_size):
            times = []
            for _ in range(3):
                start = time.perf_counter()
                predict(batch_size)
                times.append(time.perf_counter() - start)
            return min(times)

        best = min((16, 64, 256, 1024, n_rows), key=seconds)
        self.facts["predict_batch_size"] = best
        return lambda: predict(best)


def fastgrnn():
    """Return the FastGRNN contender."""
    return TorchContender(FastGRNN)


def gru():
    """Return the ``nn.GRU`` contender."""
    return TorchContender(GRU)
