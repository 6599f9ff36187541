"""Bytes and operations: those of the very arrays that a device would hold, counted one by one."""

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.estimators import quick, sequences
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from skfastgrnn import DistilledFastGRNN, FastGRNNClassifier, FastGRNNRegressor, preprocessing
from skfastgrnn.compression import (
    SizeReport,
    neg_n_bytes_scorer,
    size_report,
)
from skfastgrnn.compression._size import STORED
from skfastgrnn.network import Network, bytes_by_part, n_parameters, named_views, stored_matrices
from skfastgrnn.preprocessing import (
    SequenceClipper,
    SequenceImputer,
    SequenceMinMaxScaler,
    SequenceReshaper,
    SequenceRobustScaler,
    SequenceStandardScaler,
    TemporalFeatures,
)

X, y = sequences(30, n_timesteps=6, n_channels=3, n_classes=3)


def packed(matrix, to_bytes=lambda values: np.float32(values).tobytes(), has_lists=True):
    """A matrix as a device stores it: bytes of its values, and of a bitmap or list if there is one.

    The shortest of all forms, of which each is made weight by weight.
    """
    if has_lists and not np.any(matrix):
        return b"", b""
    forms = [(to_bytes(matrix.ravel()), b"")]
    for block_size in (1, 2, 4, 8):
        bitmap, values = [], []
        for row in matrix:
            for start in range(0, len(row), block_size):
                block = row[start : start + block_size]
                bitmap.append(bool(np.any(block)))
                values += list(block) if bitmap[-1] else []
        forms.append((to_bytes(np.array(values)), np.packbits(bitmap).tobytes()))
    if has_lists:
        columns = [[column for column, value in enumerate(row) if value] for row in matrix]
        lists = bytes(map(len, columns)) + b"".join(map(bytes, columns))
        values = [
            row[column] for row, found in zip(matrix, columns, strict=True) for column in found
        ]
        forms.append((to_bytes(np.array(values)), lists))
    else:
        gaps, gap = [], 0
        for value in matrix.ravel():
            if gap == 15:
                gaps.append(gap)
                gap = 0
            if value:
                gaps.append(gap)
            gap = 0 if value else gap + 1
        gaps += [15] * (gap // 15 + 1)
        gaps += [0] * (len(gaps) % 2)
        gaps = bytes(low | high << 4 for low, high in zip(gaps[::2], gaps[1::2], strict=True))
        forms.append((to_bytes(matrix[matrix != 0]), gaps))
    return min(forms, key=lambda form: sum(map(len, form)))


def drop(model, fraction, seed=0):
    """Set weights of W and U to 0, as pruning does, and return the masks by name."""
    rng = np.random.default_rng(seed)
    for name, part in model.params_.items():
        if name[0] in "WU":
            part[rng.random(part.shape) < fraction] = 0
    return model


MODELS = {
    "two classes": lambda: quick(hidden_size=5).fit(X, y > 0),
    "three classes": lambda: quick(hidden_size=5).fit(X, y),
    "single precision": lambda: quick(hidden_size=5).fit(X.astype(np.float32), y),
    "layers": lambda: quick(hidden_size=4, n_layers=2, bidirectional=True).fit(X, y),
    "mean": lambda: quick(pooling="mean").fit(X, y),
    "bounded": lambda: quick(bounded_state=True).fit(X, y),
    "attention": lambda: quick(n_layers=2, bidirectional=True, pooling="attention").fit(X, y),
    "regressor": lambda: FastGRNNRegressor(4, max_iter=1, n_iter_no_change=np.inf).fit(X, X[:, 0]),
    "pruned": lambda: drop(quick(hidden_size=16, max_iter=1).fit(X, y), 0.7),
}


@pytest.mark.parametrize("made", MODELS)
def test_bytes_and_operations_are_those_of_stored_arrays(made):
    model = MODELS[made]()
    expected = dict.fromkeys(("weights", "masks", "biases", "head"), 0)
    n_weights = 0
    for name, part in model.params_.items():
        if name.startswith(("head", "attention")):
            expected["head"] += part.astype(np.float32).nbytes
        elif part.ndim == 2:
            values, mask = packed(part)
            expected["weights"] += len(values)
            expected["masks"] += len(mask)
            n_weights += len(values) // 4
        else:
            expected["biases"] += part.astype(np.float32).nbytes
    report = size_report(model)
    assert replace(report, state=None) == SizeReport(**expected)
    assert (report.state is None) == model.bidirectional
    assert model.n_bytes_ == report.total == sum(expected.values())
    assert neg_n_bytes_scorer(model, X, y) == -report.total
    n_cells = model.n_layers * (1 + model.bidirectional)
    n_states = model.hidden_size * (1 + model.bidirectional)
    pooled = 2 * n_states if made == "attention" else 0
    assert model.n_operations_per_step_ == n_weights + 3 * n_cells * model.hidden_size + pooled
    assert (report.masks > 0) == (made == "pruned")


def nibbles(values):
    """Weights of 4 bits, two to a byte."""
    halves = np.append(np.int8(values), np.zeros(len(values) % 2, np.int8)).view(np.uint8) & 15
    return (halves[::2] | halves[1::2] << 4).tobytes()


TO_BYTES = {
    None: lambda values: np.float32(values).tobytes(),
    8: lambda values: np.int8(values).tobytes(),
    4: nibbles,
}


@given(
    st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(1, 4)),
    st.floats(0, 1) | st.sampled_from([0.0, 0.03]),
    st.sampled_from([1, 2, 3, 4, 8]),
    st.sampled_from([None, 8, 4]),
    st.tuples(*[st.none() | st.integers(1, 3)] * 2),
    st.integers(0, 99),
)
def test_any_matrix_is_stored_in_the_shortest_form(shape, density, width, bits, ranks, seed):
    hidden_size, n_outputs = shape[1:]
    rank_w, rank_u = ranks
    network = Network(*shape, rank_w=rank_w, rank_u=rank_u, bits=bits)
    rng = np.random.default_rng(seed)
    flat = np.ones(n_parameters(network))
    parts = named_views(network, flat)
    for name in parts:
        if name.endswith("_log_step"):
            parts[name][...] = np.log(0.3)  # so that a weight of 0.1 rounds to 0
    of_cell = [name for name in parts if re.fullmatch("[WU][12]?", name)]
    assert len(of_cell) == 2 + (rank_w is not None) + (rank_u is not None)
    for name in of_cell:  # in groups of `width` neighbours
        rows, columns = parts[name].shape
        kept = rng.random((rows, columns)) < density
        smallest = 0.1 if bits else 0.0
        parts[name][...] = np.maximum(np.repeat(kept, width, axis=1)[:, :columns], smallest)
    stored = [packed(np.rint(parts[name]), TO_BYTES[bits], bits is None) for name in of_cell]
    sizes = bytes_by_part(network, stored_matrices(network, flat))
    assert sizes["weights"] == sum(len(values) for values, _ in stored)
    assert sizes["masks"] == sum(len(mask) for _, mask in stored)
    head = TO_BYTES[bits](parts["head_weight"].ravel())
    if bits is None:
        assert sizes["head"] == len(head) + 4 * n_outputs
        assert sizes["biases"] == 4 * (2 * hidden_size + 2)
        assert sizes["scales"] == sizes["tables"] == sizes["normaliser"] == 0


def test_a_dense_network_has_four_bytes_a_parameter():
    network = Network(9, 32, 1, n_layers=2, bidirectional=True)
    assert sum(bytes_by_part(network).values()) == 4 * n_parameters(network)
    assert (
        quick(hidden_size=32).fit(sequences(n_channels=9)[0], sequences()[1]).n_bytes_ == 4 * 1411
    )


@pytest.mark.parametrize(
    ("step", "n_floats"),
    [
        (SequenceStandardScaler(), 6),
        (SequenceStandardScaler(with_mean=False), 3),
        (SequenceStandardScaler(with_std=False), 3),
        (SequenceStandardScaler(per="timestep"), 36),
        (SequenceMinMaxScaler(), 6),
        (SequenceRobustScaler(), 6),
        (SequenceRobustScaler(with_centering=False), 3),
        (SequenceClipper(), 6),
        (SequenceClipper(limits="causal"), 0),
        (SequenceImputer(), 3),
        (TemporalFeatures(), 0),
        (make_pipeline(SequenceImputer(), SequenceStandardScaler()), 9),
        ("passthrough", 0),
        (None, 0),
    ],
    ids=str,
)
def test_steps_before_the_network_are_counted(step, n_floats):
    model = make_pipeline(step, quick(max_iter=1)).fit(X, y)
    report = size_report(model)
    assert report.normaliser == 4 * n_floats
    assert report.total == model[-1].n_bytes_ + 4 * n_floats


@pytest.mark.parametrize(
    ("step", "n_floats"),
    [
        (StandardScaler(), 36),
        (StandardScaler(with_mean=False), 18),
        (MinMaxScaler(), 36),
        (RobustScaler(with_scaling=False), 18),
        (MaxAbsScaler(), 18),
        (FunctionTransformer(), 0),
        (SequenceReshaper("3d", n_timesteps=6), 0),
    ],
    ids=str,
)
def test_steps_on_rows_are_counted(step, n_floats):
    model = make_pipeline(step, quick(max_iter=1)).fit(X.reshape(30, 18), y)
    assert size_report(model).normaliser == 4 * n_floats


def test_all_transformers_of_the_package_are_known():
    classes = {getattr(preprocessing, name) for name in preprocessing.__all__}
    assert {cls for cls in classes if hasattr(cls, "transform")} <= set(STORED)


def test_a_step_may_say_its_bytes():
    class Table(FunctionTransformer):
        n_bytes_ = 100

    model = make_pipeline(Table(), quick(max_iter=1)).fit(X, y)
    assert size_report(model).normaliser == 100


def test_a_function_stores_nothing_if_it_is_one_of_numpy():
    table = np.arange(256.0)

    def looked_up(X):
        return table[np.clip(X, 0, 255).astype(int)]

    for step, n_bytes in (
        (FunctionTransformer(np.tanh), 0),
        (FunctionTransformer(looked_up), None),
    ):
        model = make_pipeline(step, quick(max_iter=1)).fit(X, y)
        if n_bytes is None:
            with pytest.raises(TypeError, match=r"step 'functiontransformer'.*Set n_bytes_"):
                size_report(model)
            step.n_bytes_ = n_bytes = 256 * 4
        assert size_report(model).normaliser == n_bytes


def test_a_distilled_model_is_its_student():
    student = make_pipeline(StandardScaler(), FastGRNNClassifier(3, max_iter=2, n_timesteps=6))
    rows = X.reshape(30, 18)
    model = DistilledFastGRNN(LogisticRegression(), student, cv=3).fit(rows, y)
    network = model.student_[-1]
    assert model.n_bytes_ == network.n_bytes_
    assert model.n_operations_per_step_ == network.n_operations_per_step_
    assert size_report(model) == size_report(model.student_)
    assert size_report(model).normaliser == 2 * 4 * 18


def test_what_was_fitted_counts():
    model = quick(hidden_size=4).fit(X, y)
    before = model.n_bytes_, model.n_operations_per_step_, size_report(model)
    model.set_params(hidden_size=40, n_layers=3)
    assert (model.n_bytes_, model.n_operations_per_step_, size_report(model)) == before


def test_a_report_is_readable():
    report = SizeReport(weights=300, masks=20, normaliser=60, head=20, state=64)
    assert report.to_dict() == {
        "weights": 300, "masks": 20, "scales": 0, "biases": 0, "layers": 0, "tables": 0,
        "normaliser": 60, "head": 20, "state": 64, "total": 400,
    }  # fmt: skip
    lines = str(report).splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["weights", "300"], ["masks", "20"], ["normaliser", "60"], ["head", "20"], ["total", "400"],
        ["state", "64"],
    ]  # fmt: skip
    assert "75 %" in lines[0]
    html = report._repr_html_()
    assert html.count("<tr>") == 6
    assert "<td style='text-align: right'>400</td>" in html
    assert str(SizeReport()).split() == ["total", "0", "bytes"]


@pytest.mark.parametrize(
    "model",
    [
        quick(),
        make_pipeline(SequenceStandardScaler(), quick()),
        DistilledFastGRNN(LogisticRegression()),
    ],
    ids=["alone", "pipeline", "distilled"],
)
@pytest.mark.parametrize("function", [size_report, neg_n_bytes_scorer])
def test_an_unfitted_model_is_refused(function, model):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        function(model)


@pytest.mark.parametrize("attribute", ["n_bytes_", "n_operations_per_step_"])
@pytest.mark.parametrize(
    "model", [quick(), FastGRNNRegressor(), DistilledFastGRNN(LogisticRegression())]
)
def test_attributes_need_a_fit(model, attribute):
    with pytest.raises(NotFittedError):
        getattr(model, attribute)
    assert not hasattr(model, attribute)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (LogisticRegression(), "got LogisticRegression"),
        (GridSearchCV(quick(), {"hidden_size": [2]}), "got GridSearchCV.*best_estimator_"),
        (make_pipeline(LogisticRegression()), "got a Pipeline that ends in LogisticRegression"),
        (FastGRNNClassifier, "got the class FastGRNNClassifier.*fitted object"),
        (TransformedTargetRegressor(FastGRNNRegressor()), "pass regressor_"),
        (None, "got NoneType"),
    ],
    ids=["other", "search", "pipeline", "class", "transformed", "none"],
)
def test_another_model_is_refused(model, named):
    with pytest.raises(TypeError, match=f"^size_report needs a fitted.*{named}"):
        size_report(model)


def test_a_step_of_unknown_size_is_refused():
    model = make_pipeline(PCA(6), quick(max_iter=1)).fit(X.reshape(30, 18), y)
    with pytest.raises(TypeError, match=r"step 'pca', PCA\. Give it an attribute n_bytes_"):
        size_report(model)
