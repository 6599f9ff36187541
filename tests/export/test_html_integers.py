"""The page's integers beside NumPy's, in a browser."""

from itertools import product

import numpy as np
import pytest
from helpers.browser import Browser, needs_chromium
from helpers.integers import extremes, ragged, random_network
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline

from skfastgrnn import FastGRNNClassifier, FastGRNNRegressor
from skfastgrnn.compression import Compression, quantize
from skfastgrnn.export import to_html
from skfastgrnn.export._html_page import stored_network
from skfastgrnn.kernels.reference import _integer as reference
from skfastgrnn.network import ACTIVATIONS, INTEGER_GATES, INTEGER_POOLINGS, SequenceBatch
from skfastgrnn.preprocessing import SequenceStandardScaler

pytestmark = needs_chromium

X, y = load_digits(return_X_y=True)
X = X.reshape(-1, 8, 8).astype(np.float32)
#: 7 sequences of random numbers and 7 of extremes for each of 120: 840 of either.
OPTIONS = [
    {"gate": gate, "update": update, "pooling": pooling}
    for gate, update, pooling in product(INTEGER_GATES, ACTIVATIONS, INTEGER_POOLINGS)
]
SHAPES = [
    {"layers": 2, "state_bits": 15},
    {
        "channels": 12,
        "hidden": 17,
        "outputs": 5,
        "rank_w": 2,
        "rank_u": 3,
        "density": 0.4,
        "bits": 4,
    },
    {"hidden": 15, "density": 0.08},  # lists of gaps
]
OUTPUTS_OF = """(stored, sequences) => {
    const network = new IntegerNetwork(stored);
    return sequences.map((steps) => {
        network.reset();
        for (const step of steps) network.step(Int16Array.from(step));
        return Array.from(network.outputs());
    });
}"""


@pytest.fixture(scope="module")
def model():
    """A model with factors, dropped weights, 4 bits, attention and a scaler, on digits."""
    network = FastGRNNClassifier(
        12,
        max_iter=6,
        n_layers=2,
        pooling="attention",
        random_state=0,
        compression=Compression(bits=4, rank_u=4, density_w=0.5),
    )
    return quantize(make_pipeline(SequenceStandardScaler(), network).fit(X[:600], y[:600]), X)


@pytest.fixture(scope="module")
def page(model, tmp_path_factory):
    """A browser that shows the model."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    to_html(model).save(path)
    with Browser() as browser:
        browser.open(path)
        yield browser
        assert browser.errors() == []


def listed(sequences):
    """Rows of integers of each sequence."""
    ends = sequences.starts + sequences.lengths
    return [
        sequences.values[begin:end].tolist()
        for begin, end in zip(sequences.starts, ends, strict=True)
    ]


def check(page, network, sequences):
    found = page.apply(OUTPUTS_OF, stored_network(network), listed(sequences))
    np.testing.assert_array_equal(found, reference.outputs(network, sequences))


@pytest.mark.parametrize("shape", range(len(SHAPES)))
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o.values()))
def test_integers_of_every_network(page, options, shape):
    seed = len(SHAPES) * OPTIONS.index(options) + shape
    rng = np.random.default_rng(seed)
    settings = {"state_bits": (15, 12, 9, 0)[seed // len(SHAPES) % 4], **SHAPES[shape], **options}
    network = random_network(rng, ratio=2.0 ** -(6 + seed % 3), **settings)
    n_channels = network.n_channels
    normal = np.clip(np.rint(rng.normal(0, 9000, (60, n_channels))), -32767, 32767)
    for values in (normal.astype(np.int16), extremes(rng, 60, n_channels)):
        check(page, network, ragged(rng, values, 7))


@pytest.mark.parametrize("pooling", ["mean", "attention"])
@pytest.mark.parametrize("bits", [8, 4])
def test_long_sequences(page, pooling, bits):
    """Sums of attention leave 53 bits only in sequences that no test has time for."""
    rng = np.random.default_rng(bits)
    network = random_network(rng, pooling=pooling, bits=bits, hidden=6, update="relu", ratio=0.02)
    values = extremes(rng, 4000, network.n_channels)
    check(page, network, SequenceBatch(values, np.array([0, 17]), np.array([4000, 2000])))


def test_quotients_of_long_sums(page):
    """Of means at the limits: halves, neighbours of integers, and 2^32 - 1 steps."""
    rng = np.random.default_rng(0)
    steps = np.concatenate([rng.integers(1, 2**32, 500), [1, 2, 3, 2**32 - 1]])
    means = rng.integers(-(2**15), 2**15, len(steps))
    totals = means * steps + rng.choice([-1, 0, 1], len(steps)) + steps // 2
    totals = np.clip(totals, -(2**15) * steps, (2**15 - 1) * steps)
    found = page.apply(
        """(totals, steps) => totals.map((total, i) => {
            const mean = new Mean(1);
            mean.total[0] = total;
            mean.nSteps = steps[i];
            return mean.summary[0];
        })""",
        totals.tolist(),
        steps.tolist(),
    )
    np.testing.assert_array_equal(found, reference.rounded_quotient(totals, steps))


def test_sums_of_attention_beyond_doubles(page):
    rng = np.random.default_rng(0)
    weights = rng.integers(2**40, 2**46, 200)
    totals = rng.integers(-(2**15), 2**15, 200) * weights + rng.integers(-5, 6, 200)
    found = page.apply(
        """(totals, weights) => totals.map((total, i) => {
            const attention = new Attention(1, null);
            attention.total[0] = BigInt(total);
            attention.weight = BigInt(weights[i]);
            return attention.summary[0];
        })""",
        [str(total) for total in totals],
        [str(weight) for weight in weights],
    )
    expected = reference.saturated(reference.rounded_quotient(totals, weights))
    np.testing.assert_array_equal(found, expected)


def test_inputs_are_rounded_in_single_precision(page):
    rng = np.random.default_rng(0)
    network = random_network(rng, channels=1)
    center, factor = network.input_center[0], network.input_factor[0]
    halves = center + (rng.integers(-40_000, 40_000, 3000) + 0.5) / factor
    others = [0.0, -0.0, 1e300, -1e300, 3.4028235e38, 1e-45, 5e-324, float(center)]
    near = np.nextafter(halves.astype(np.float32), rng.choice([-np.inf, np.inf], 3000), dtype="f4")
    values = np.concatenate([halves, near, others])[:, None]
    found = page.apply(
        """(stored, values) => {
            const network = new IntegerNetwork(stored);
            return values.map((row) => Array.from(network.quantized(row)));
        }""",
        stored_network(network),
        values.tolist(),
    )
    np.testing.assert_array_equal(found, reference.quantized_input(network, values))


READ = """(sequences) => sequences.map((rows) => {
    readAll(rows);
    const last = run.length - 1;
    return [Array.from(run.outputs[last]), run.values[last], run.predicted(last)];
})"""


def test_a_model_of_digits(page, model):
    """500 images, from numbers to labels."""
    found = page.apply(READ, X[:500].astype(float).tolist())
    outputs, probabilities, predicted = zip(*found, strict=True)
    np.testing.assert_array_equal(
        np.ldexp(np.array(outputs, dtype=np.float64), -model._integers.output_bits),
        model.decision_function(X[:500]),
    )
    np.testing.assert_allclose(probabilities, model.predict_proba(X[:500]), rtol=1e-12)
    np.testing.assert_array_equal(model.classes_[np.ravel(predicted)], model.predict(X[:500]))


@pytest.mark.parametrize("kind", ["two classes", "multilabel", "regressor"])
def test_other_kinds_of_models(page, kind, tmp_path):
    settings = {"hidden_size": 6, "max_iter": 4, "random_state": 0}
    target = {
        "two classes": y > 4,
        "multilabel": np.stack([y > 4, y % 2, y % 3 == 0], axis=1).astype(int),
        "regressor": np.stack([1e6 + y, y / 1000], axis=1),
    }[kind]
    cls = FastGRNNRegressor if kind == "regressor" else FastGRNNClassifier
    model = quantize(cls(**settings, pooling="mean").fit(X, target), X)
    to_html(model).save(tmp_path / "page.html")
    with Browser() as browser:
        browser.open(tmp_path / "page.html")
        found = browser.apply(READ.replace("run.predicted(last)", "null"), X[:50].tolist())
        labels = None
        if kind != "regressor":
            labels = browser.apply(READ, X[:50].tolist())
    values = [value for _, value, _ in found]
    if kind == "regressor":
        np.testing.assert_array_equal(values, model.predict(X[:50]))
        return
    np.testing.assert_allclose(values, model.predict_proba(X[:50]), rtol=1e-12)
    indicator = np.zeros((50, len(model.classes_)), dtype=int)
    for row, (_, _, predicted) in enumerate(labels):
        indicator[row, predicted] = 1
    if kind == "two classes":
        np.testing.assert_array_equal(
            model.classes_[indicator.argmax(axis=1)], model.predict(X[:50])
        )
    else:
        np.testing.assert_array_equal(indicator, model.predict(X[:50]))
