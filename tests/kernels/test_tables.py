"""Tables that both kernels share: activations, optimizers, and tensors of a network."""

import math
from dataclasses import replace

import pytest
from helpers.kernels import COMPILED, random_case

from skfastgrnn.kernels import kernel_named
from skfastgrnn.kernels.reference._activations import FUNCTIONS
from skfastgrnn.kernels.reference._optimizers import OPTIMIZERS
from skfastgrnn.kernels.reference._tables import complete
from skfastgrnn.network import (
    ACTIVATIONS,
    SOLVERS,
    Network,
    n_decayed,
    n_parameters,
    shapes,
    tensors,
)


def test_the_reference_kernel_lacks_no_activation_or_optimizer():
    """A name that was added to network/_spec.py alone fails when the package is imported."""
    assert complete({"a": abs, "b": len}, ("b", "a")) == {"a": abs, "b": len}
    with pytest.raises(ImportError, match=r"lacks \['c'\] and has \['b'\] too many"):
        complete({"a": abs, "b": len}, ("a", "c"))
    assert set(FUNCTIONS) == set(ACTIVATIONS)
    assert set(OPTIMIZERS) == set(SOLVERS)


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("bits", [None, 4, 8])
@pytest.mark.parametrize(("rank_w", "rank_u"), [(None, None), (2, None), (None, 3), (9, 1)])
def test_both_kernels_have_one_table_of_tensors(rank_w, rank_u, bits, kernel):
    """The same parts of the flat vector in the same order, of the same shapes."""
    compiled = kernel_named(kernel)
    for seed in range(20):
        network = random_case(seed, most=(1, 20, 70, 1)).network
        network = replace(network, rank_w=rank_w, rank_u=rank_u, bits=bits)
        expected = [
            (t.kind.name, t.cell, t.shape[0], math.prod(t.shape[1:]), t.kind.decayed)
            for t in tensors(network)
        ]
        assert compiled.tensors(network) == expected


def test_a_table_of_tensors_is_that_of_the_documented_network():
    network = Network(3, 4, 5, n_layers=2, bidirectional=True)
    assert shapes(network) == {
        "W": (4, 3),
        "U": (4, 4),
        "W_reverse": (4, 3),
        "U_reverse": (4, 4),
        "W_2": (4, 8),
        "U_2": (4, 4),
        "W_2_reverse": (4, 8),
        "U_2_reverse": (4, 4),
        "head_weight": (5, 8),
        **{
            name + ending: (1,) if name.endswith("hat") else (4,)
            for ending in ("", "_reverse", "_2", "_2_reverse")
            for name in ("bias_gate", "bias_update", "zeta_hat", "nu_hat")
        },
        "head_bias": (5,),
    }
    assert list(shapes(network))[-2:] == ["nu_hat_2_reverse", "head_bias"]
    assert n_decayed(network) == 2 * (12 + 16) + 2 * (32 + 16) + 40
    assert n_parameters(network) == n_decayed(network) + 4 * 10 + 5
