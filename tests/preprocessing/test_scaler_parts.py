"""Scalers that learn part by part, and from samples with weights."""

import hypothesis
import numpy as np
import pytest
from helpers.estimators import quick, snapshot
from helpers.scalers import (
    SCALERS,
    STATISTICS,
    X,
    assert_learned_like,
    assert_same,
    learned,
    padded,
    ragged,
    y,
)
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfastgrnn.preprocessing import SequenceMinMaxScaler, SequenceStandardScaler

WEIGHTS = np.random.default_rng(1).random(30)


def test_a_weight_counts_for_each_step_of_its_sequence():
    weights = np.arange(30) % 4
    weighted = SequenceStandardScaler().fit(ragged, sample_weight=weights)
    repeated = SequenceStandardScaler().fit(
        [sequence for sequence, n in zip(ragged, weights, strict=True) for _ in range(n)]
    )
    by_step = np.repeat(weights.astype(float), [len(sequence) for sequence in ragged])
    steps = np.concatenate(ragged)
    np.testing.assert_allclose(weighted.mean_, np.average(steps, axis=0, weights=by_step))
    for name in ("mean_", "var_", "scale_", "n_samples_seen_"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name))
    expected = StandardScaler().fit(steps, sample_weight=by_step)
    np.testing.assert_allclose(weighted.var_, expected.var_, rtol=1e-12)


def test_weights_per_timestep():
    weighted = SequenceStandardScaler(per="timestep").fit(X, sample_weight=WEIGHTS)
    np.testing.assert_allclose(weighted.mean_, np.average(X, axis=0, weights=WEIGHTS))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weights_of_one_are_none(dtype):
    given = X.astype(dtype)
    weighted = SequenceStandardScaler().fit(given, sample_weight=np.ones(30))
    plain = SequenceStandardScaler().fit(given)
    np.testing.assert_allclose(weighted.mean_, plain.mean_)
    np.testing.assert_allclose(weighted.scale_, plain.scale_)


def test_routed_weights():
    with config_context(enable_metadata_routing=True):
        scaler = SequenceStandardScaler().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(scaler, quick().set_fit_request(sample_weight=False))
        pipeline.fit(ragged, y, sample_weight=WEIGHTS)
    expected = SequenceStandardScaler().fit(ragged, sample_weight=WEIGHTS)
    assert_same(learned(pipeline[0]), learned(expected))


@pytest.mark.parametrize("per", ["channel", "timestep"])
@pytest.mark.parametrize("form", [lambda X: X, list, lambda X: X.reshape(len(X), -1)])
@pytest.mark.parametrize("scaler", [SequenceStandardScaler, SequenceMinMaxScaler])
def test_parts_are_learned_as_the_whole(scaler, form, per):
    whole = scaler(per=per, n_timesteps=6).fit(form(X))
    parts = scaler(per=per, n_timesteps=6)
    for part in (X[:7], X[7:8], X[8:]):
        parts.partial_fit(form(part))
    for name, value in learned(whole).items():
        np.testing.assert_allclose(getattr(parts, name), value)
    assert type(parts.n_samples_seen_) is type(whole.n_samples_seen_)
    np.testing.assert_allclose(parts.transform(form(X)), whole.transform(form(X)), atol=1e-9)


def test_parts_of_other_lengths_and_with_weights():
    whole = SequenceStandardScaler().fit(ragged, sample_weight=WEIGHTS)
    parts = SequenceStandardScaler().partial_fit(ragged[:9], sample_weight=WEIGHTS[:9])
    parts.partial_fit(padded(ragged[9:]), sample_weight=WEIGHTS[9:])
    for name, value in learned(whole).items():
        np.testing.assert_allclose(getattr(parts, name), value)


@pytest.mark.parametrize(
    ("first", "mean", "variance"),
    [([[0.0, 2.0]], 3.0, 4.5), ([[0.0, np.nan, np.nan, np.nan]], 3.75, 4.6875)],
    ids=["two values", "gaps"],
)
def test_a_constant_part_is_not_taken_for_all_of_the_data(first, mean, variance):
    """Neither a sum of weights nor a number of gaps tells how many parts there were."""
    second, weights = ([[5.0, 5.0]], [0.5]) if mean == 3 else ([[5.0, 5.0, np.nan, 5.0]], None)
    model = SequenceStandardScaler().partial_fit(first, sample_weight=weights)
    model.partial_fit(second, sample_weight=weights)
    assert model.mean_ == mean
    assert model.var_ == variance
    assert model.scale_ == np.sqrt(variance)


@st.composite
def weighted_parts(draw):
    """Parts, each of a list of sequences with gaps, and its weights or None."""
    n_channels = draw(st.integers(1, 3))
    values = st.floats(-100, 100, width=32) | st.sampled_from([0.0, 5.0, np.nan])
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
        members = [draw(hnp.arrays(np.float64, (n, n_channels), elements=values)) for n in lengths]
        for member in members:  # a sequence of nothing but NaN is refused
            member[0, 0] = np.nan_to_num(member[0, 0])
        n_others = len(members) - 1
        weights = st.lists(st.sampled_from([0.0, 0.25, 1.5, 1e3]), min_size=n_others)
        weights = draw(st.none() | weights)
        parts.append((members, None if weights is None else [*weights[:n_others], 0.5]))
    return parts


@hypothesis.given(weighted_parts())
def test_weighted_parts_are_learned_as_their_definition_says(parts):
    model, extremes = SequenceStandardScaler(), SequenceMinMaxScaler()
    for members, weights in parts:
        model.partial_fit(members, sample_weight=weights)
        extremes.partial_fit(members)
    members = [member for part, _ in parts for member in part]
    weights = np.concatenate([np.ones(len(part)) if w is None else w for part, w in parts])
    steps = np.concatenate(members)
    of_steps = np.repeat(weights, [len(member) for member in members])
    for channel, values in enumerate(steps.T):
        is_known = ~np.isnan(values)
        known, weight = values[is_known], of_steps[is_known]
        counts = np.broadcast_to(model.n_samples_seen_, model.mean_.shape)
        np.testing.assert_allclose(counts[channel], weight.sum())
        if weight.sum() == 0:
            assert np.isnan(model.mean_[channel])
            continue
        mean = np.average(known, weights=weight)
        variance = np.average((known - mean) ** 2, weights=weight)
        np.testing.assert_allclose(model.mean_[channel], mean, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(model.var_[channel], variance, rtol=1e-9, atol=1e-12)
        if np.ptp(known[weight > 0]) == 0:
            assert model.mean_[channel] == known[weight > 0][0]
            assert (model.var_[channel], model.scale_[channel]) == (0, 1)
    np.testing.assert_array_equal(extremes.data_min_, np.fmin.reduce(steps, axis=0))
    np.testing.assert_array_equal(extremes.data_max_, np.fmax.reduce(steps, axis=0))


def test_weights_in_one_part_only():
    """A sum of weights is not cut off to an integer, nor rounded to float32, in the next part."""
    model = SequenceStandardScaler().partial_fit([[1.0], [4.0]], sample_weight=[0.75, 0.75])
    model.partial_fit([[2.0]])
    assert model.n_samples_seen_ == 2.5
    np.testing.assert_allclose(model.mean_, (0.75 + 3 + 2) / 2.5)
    model = SequenceStandardScaler().partial_fit(np.float32([[1.0]]), sample_weight=[2.0**24])
    for _ in range(3):
        model.partial_fit(np.float32([[2.0]]), sample_weight=[1.0])
    assert model.n_samples_seen_ == 2**24 + 3
    assert SequenceStandardScaler().fit([[1.0]]).n_samples_seen_.dtype == np.int64


@pytest.mark.parametrize("scaler", [SequenceStandardScaler, SequenceMinMaxScaler])
def test_a_part_without_a_channel_changes_nothing_of_it(scaler):
    """In scikit-learn its statistics are NaN from then on."""
    silent = X[:3].copy()
    silent[:, :, 1] = np.nan
    for parts in ([X, silent], [silent, X]):
        model = scaler()
        for part in parts:
            model.partial_fit(part)
        expected = scaler().fit(X)
        for name in ("scale_", {"mean_", "data_min_"}.intersection(STATISTICS[scaler]).pop()):
            learned_alone, learned_beside = getattr(expected, name)[1], getattr(model, name)[1]
            np.testing.assert_allclose(learned_beside, learned_alone, rtol=1e-12)


def test_a_fit_of_many_rows_is_computed_in_blocks(monkeypatch):
    expected = SequenceStandardScaler().fit(X, sample_weight=WEIGHTS)
    scaled = expected.transform(X)
    for module in ("_statistics", "preprocessing._scalers"):
        monkeypatch.setattr(f"skfastgrnn.{module}.CHUNK", 7)
    model = SequenceStandardScaler().fit(X, sample_weight=WEIGHTS)
    assert_learned_like(model, expected)
    np.testing.assert_array_equal(expected.transform(X), scaled)


def test_the_same_scalers_learn_in_parts_as_in_scikit_learn():
    for ours, theirs in SCALERS.items():
        assert hasattr(ours, "partial_fit") == hasattr(theirs, "partial_fit")


@pytest.mark.parametrize("scaler", [SequenceStandardScaler, SequenceMinMaxScaler])
def test_an_interrupted_part_is_not_learned(scaler, monkeypatch):
    model = scaler().fit(ragged)
    before = snapshot(model)

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("skfastgrnn._statistics.Moments.measure", interrupt)
    for fit in (model.partial_fit, model.fit):
        with pytest.raises(KeyboardInterrupt):
            fit(X * 100)
        assert snapshot(model) == before
