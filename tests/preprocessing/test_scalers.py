"""Scalers of sequences: those of scikit-learn, over steps, in every form of X."""

import warnings

import hypothesis
import numpy as np
import pytest
from helpers.estimators import bits, quick, sequences, snapshot
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from skfastgrnn.preprocessing import (
    SequenceMinMaxScaler,
    SequenceRobustScaler,
    SequenceStandardScaler,
    sliding_windows,
)

SCALERS = {
    SequenceStandardScaler: StandardScaler,
    SequenceMinMaxScaler: MinMaxScaler,
    SequenceRobustScaler: RobustScaler,
}
PARAMETERS = [
    (SequenceStandardScaler, {}),
    (SequenceStandardScaler, {"with_mean": False}),
    (SequenceStandardScaler, {"with_std": False}),
    (SequenceStandardScaler, {"with_mean": False, "with_std": False}),
    (SequenceMinMaxScaler, {}),
    (SequenceMinMaxScaler, {"feature_range": (-2, 3), "clip": True}),
    (SequenceRobustScaler, {}),
    (SequenceRobustScaler, {"quantile_range": (10.0, 80.0), "unit_variance": True}),
    (SequenceRobustScaler, {"with_centering": False}),
    (SequenceRobustScaler, {"with_scaling": False}),
]
STATISTICS = {
    SequenceStandardScaler: ["mean_", "var_", "scale_", "n_samples_seen_"],
    SequenceMinMaxScaler: [
        "data_min_",
        "data_max_",
        "data_range_",
        "min_",
        "scale_",
        "n_samples_seen_",
    ],
    SequenceRobustScaler: ["center_", "scale_"],
}
each_scaler = pytest.mark.parametrize("scaler", SCALERS)
each_parameters = pytest.mark.parametrize(("scaler", "parameters"), PARAMETERS, ids=str)

rng = np.random.default_rng(0)
X = rng.normal([1, -20, 300], [1, 5, 0.1], size=(30, 6, 3))
ragged = [X[i, : 1 + i % 6] for i in range(30)]
y = np.arange(30) % 2


def padded(sequences, n_timesteps=8):
    """3-D, with NaN at the end of shorter sequences."""
    n_channels = sequences[0].shape[1]
    array = np.full((len(sequences), n_timesteps, n_channels), np.nan, sequences[0].dtype)
    for i, sequence in enumerate(sequences):
        array[i, : len(sequence)] = sequence
    return array


def objects(sequences):
    array = np.empty(len(sequences), dtype=object)
    array[:] = sequences
    return array


FORMS = {"list": list, "objects": objects, "padded": padded}


def unpadded(answer):
    """What a scaler answered, as one array of steps."""
    if isinstance(answer, np.ndarray) and answer.ndim == 3:
        steps = answer.reshape(-1, answer.shape[2])
        return steps[~np.isnan(steps).all(axis=1)]
    return np.concatenate(list(answer))


def learned(model):
    return {name: getattr(model, name) for name in STATISTICS[type(model)]}


def assert_same(left, right):
    assert left.keys() == right.keys()
    for name in left:
        if left[name] is None:
            assert right[name] is None
        else:
            np.testing.assert_array_equal(left[name], right[name], strict=True)


def reference(scaler, steps, **parameters):
    """scikit-learn's scaler, fitted to the same numbers in float64."""
    return SCALERS[scaler](**parameters).fit(steps.astype(np.float64))


def assert_learned_like(model, expected, shape=None):
    """The statistics of a model are those of scikit-learn's scaler, but for rounding."""
    for name, value in learned(model).items():
        theirs = getattr(expected, name)
        if theirs is None:
            assert value is None
        elif shape is None or np.ndim(theirs) == 0:
            np.testing.assert_allclose(value, theirs, rtol=1e-9)
        else:
            np.testing.assert_allclose(value, theirs.reshape(shape), rtol=1e-9)


def assert_values_like(values, expected):
    """float64 or float32 numbers of size 1 to 1000 are these, but for rounding."""
    atol = 1e-9 if values.dtype == np.float64 else 1e-5
    rtol = 1e-12 if values.dtype == np.float64 else 1e-6
    np.testing.assert_allclose(values, expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@each_parameters
def test_is_that_of_scikit_learn_over_stacked_steps(scaler, parameters, dtype, form):
    members = [sequence.astype(dtype) for sequence in ragged]
    given = FORMS[form](members)
    steps = np.concatenate(members)
    model = scaler(**parameters).fit(given)
    expected = reference(scaler, steps, **parameters)
    assert_learned_like(model, expected)
    scaled = model.transform(given)
    assert_values_like(unpadded(scaled), expected.transform(steps.astype(np.float64)))
    assert unpadded(scaled).dtype == dtype
    assert_values_like(unpadded(model.inverse_transform(scaled)), steps)
    theirs = model.scaler_
    assert type(theirs) is SCALERS[scaler]
    assert theirs.get_params().items() >= parameters.items()
    assert_values_like(unpadded(scaled), theirs.transform(steps.astype(np.float64)))


@each_scaler
def test_the_form_of_x_comes_back(scaler):
    model = scaler().fit(ragged)
    as_list, as_objects, as_array = (model.transform(form(ragged)) for form in FORMS.values())
    assert type(as_list) is list
    assert (as_objects.dtype, as_objects.shape) == (object, (30,))
    np.testing.assert_array_equal(as_array, padded(as_list), strict=True)
    for left, right, given in zip(as_list, as_objects, ragged, strict=True):
        np.testing.assert_array_equal(left, right, strict=True)
        assert left.shape == given.shape


@each_scaler
def test_series_of_one_channel_stay_1d(scaler):
    series = [sequence[:, 0] for sequence in ragged]
    scaled = scaler().fit_transform(series)
    expected = scaler().fit_transform([one[:, None] for one in series])
    for left, right in zip(scaled, expected, strict=True):
        np.testing.assert_array_equal(left, right[:, 0], strict=True)


def test_closed_forms():
    steps = np.concatenate(ragged)
    standard, minmax, robust = (
        np.concatenate(scaler().fit_transform(ragged)) for scaler in SCALERS
    )
    np.testing.assert_allclose(standard, (steps - steps.mean(0)) / steps.std(0), atol=1e-9)
    np.testing.assert_allclose(minmax, (steps - steps.min(0)) / np.ptp(steps, axis=0), atol=1e-9)
    lower, middle, upper = np.percentile(steps, [25, 50, 75], axis=0)
    np.testing.assert_allclose(robust, (steps - middle) / (upper - lower), atol=1e-9)


@pytest.mark.parametrize("per", ["channel", "timestep"])
@each_scaler
def test_dtypes(scaler, per):
    for given, computed in [("f4", "f4"), ("f8", "f8"), ("i4", "f8"), ("f2", "f8"), (">f4", "f8")]:
        for shape in [(30, 6, 3), (30, 18)]:
            model = scaler(per=per).fit(X.astype(given).reshape(shape))
            scaled = model.transform(X.astype(given).reshape(shape))
            assert scaled.dtype == model.inverse_transform(scaled).dtype == computed
            assert scaled.shape == shape


def test_rows():
    """Of 2-D X, a row holds n_timesteps steps, one after the other."""
    rows = X.reshape(30, 18)
    for scaler in SCALERS:
        for per in ("channel", "timestep"):
            model, expected = scaler(per=per, n_timesteps=6).fit(rows), scaler(per=per).fit(X)
            assert_same(learned(model), learned(expected))
            scaled = model.transform(rows)
            np.testing.assert_array_equal(scaled, expected.transform(X).reshape(30, 18))
            np.testing.assert_allclose(model.inverse_transform(scaled), rows)


@each_parameters
def test_rows_without_n_timesteps_are_one_channel(scaler, parameters):
    """One statistic for all columns, or, per time step, what scikit-learn's own scaler does."""
    rows = X.reshape(30, 18)
    model = scaler(**parameters).fit(rows)
    assert_learned_like(model, reference(scaler, rows.reshape(-1, 1), **parameters))
    model = scaler(per="timestep", **parameters).fit(rows)
    expected = reference(scaler, rows, **parameters)
    assert_values_like(model.transform(rows), expected.transform(rows))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@each_parameters
def test_per_timestep(scaler, parameters, dtype):
    given = X.astype(dtype)
    rows = given.reshape(30, 18)
    expected = reference(scaler, rows, **parameters)
    for same in (given, list(given), objects(list(given)), padded(list(given))):
        model = scaler(per="timestep", **parameters).fit(same)
        assert_learned_like(model, expected, shape=(6, 3))
        scaled = unpadded(model.transform(same))
        assert_values_like(scaled.reshape(30, 18), expected.transform(rows.astype(np.float64)))
        back = unpadded(model.inverse_transform(model.transform(same)))
        if not parameters.get("clip"):
            assert_values_like(back.reshape(30, 18), rows)


def test_per_timestep_normalises_as_the_reference_code():
    """`preProcessData` of Microsoft EdgeML: rows, and no division by what is almost zero."""
    given = X.copy()
    given[:, 2, 1] = 7
    train, test = given[:20].reshape(20, -1), given[20:].reshape(10, -1)
    mean, std = np.mean(train, 0), np.std(train, 0)
    std[std[:] < 0.000001] = 1
    scaler = SequenceStandardScaler(per="timestep").fit(given[:20])
    np.testing.assert_allclose(
        scaler.transform(given[20:]).reshape(10, -1), (test - mean) / std, atol=1e-9
    )


@st.composite
def numbers(draw):
    """Sequences of several lengths, and of one length."""
    n_channels = draw(st.integers(1, 3))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    values = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    if draw(st.booleans()):
        lengths = [lengths[0]] * len(lengths)
    return [draw(hnp.arrays(dtype, (n, n_channels), elements=values)) for n in lengths]


@hypothesis.given(numbers(), st.sampled_from([*SCALERS]), st.booleans())
def test_inverse_transform_is_the_inverse(members, scaler, by_channel):
    by_channel = by_channel or len({len(member) for member in members}) > 1
    model = scaler(per="channel" if by_channel else "timestep")
    back = model.inverse_transform(model.fit_transform(members))
    largest = max(np.abs(member).max() for member in members)
    for left, right in zip(back, members, strict=True):
        assert left.dtype == right.dtype
        tolerance = 20 * np.finfo(right.dtype).eps * largest
        np.testing.assert_allclose(left, right, rtol=0, atol=tolerance)


def test_inverse_transform_of_what_was_not_clipped():
    model = SequenceMinMaxScaler(clip=True).fit(ragged)
    beyond = [sequence + 1000 for sequence in ragged]
    assert all((sequence == 1).all() for sequence in model.transform(beyond))
    back = model.inverse_transform(model.transform(ragged))
    np.testing.assert_allclose(unpadded(back), unpadded(ragged))


@pytest.mark.parametrize("per", ["channel", "timestep"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@each_scaler
def test_constant_channels_become_zero(scaler, per, dtype):
    given = X.astype(dtype)
    given[:, :, 1] = 4
    scaled = scaler(per=per).fit_transform(given)
    assert (scaled[:, :, 1] == 0).all()
    assert np.isfinite(scaled).all()
    alone = scaler(per=per).fit_transform(given[:1, :1])
    assert (alone == 0).all()


@each_scaler
def test_gaps_are_ignored_and_passed_on(scaler):
    gaps = [sequence.copy() for sequence in ragged]
    for i in (1, 8, 17):
        gaps[i][0, i % 3] = np.nan
    gaps[5][2] = np.nan  # a whole step
    gaps[11][-1] = np.nan  # a whole step at the end of a sequence that says how long it is
    steps = np.concatenate(gaps)
    model, expected = scaler().fit(gaps), reference(scaler, steps)
    assert_learned_like(model, expected)
    scaled = unpadded(model.transform(gaps))
    assert_values_like(scaled, expected.transform(steps))
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(steps))
    np.testing.assert_allclose(unpadded(model.inverse_transform(model.transform(gaps))), steps)


@each_scaler
def test_gaps_per_timestep(scaler):
    gaps = X.copy()
    gaps[3, 0, 1] = gaps[4, 5, 2] = np.nan
    model = scaler(per="timestep").fit(gaps)
    expected = reference(scaler, gaps.reshape(30, 18))
    assert_values_like(
        model.transform(gaps).reshape(30, 18), expected.transform(gaps.reshape(30, 18))
    )
    if scaler is SequenceStandardScaler:
        assert model.n_samples_seen_.shape == (6, 3)
        assert model.n_samples_seen_.sum() == 30 * 18 - 2


@each_scaler
def test_padding_enters_no_statistic(scaler):
    once, twice = (scaler().fit(padded(ragged, n)) for n in (6, 60))
    assert_same(learned(once), learned(twice))
    assert_same(learned(once), learned(scaler().fit(ragged)))
    np.testing.assert_array_equal(
        once.transform(padded(ragged, 60))[:, :6], once.transform(padded(ragged, 6))
    )


@pytest.mark.filterwarnings("error")
@each_scaler
def test_a_channel_that_is_missing_throughout_is_as_in_scikit_learn(scaler):
    """But without warnings of NumPy's."""
    gone = X.copy()
    gone[:, :, 1] = np.nan
    model = scaler().fit(gone)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = reference(scaler, gone.reshape(-1, 3))
    assert_learned_like(model, expected)
    scaled = model.transform(X)
    assert np.isnan(scaled[:, :, 1]).all()
    assert np.isfinite(scaled[:, :, [0, 2]]).all()
    assert np.isnan(model.inverse_transform(scaled)[:, :, 1]).all()


def test_overlapping_windows_count_as_often_as_they_overlap():
    windows = sliding_windows(np.arange(20.0), window=5).X
    model = SequenceStandardScaler().fit(windows)
    assert model.n_samples_seen_ == windows.size
    assert model.mean_ == pytest.approx(windows.mean())
    np.testing.assert_allclose(model.transform(windows).mean(), 0, atol=1e-12)


@pytest.mark.parametrize("shape", [(30, 6, 3), (30, 18)])
@each_scaler
def test_x_is_only_read(scaler, shape, tmp_path):
    np.save(tmp_path / "X.npy", X.reshape(shape))
    given = np.load(tmp_path / "X.npy", mmap_mode="r")
    model = scaler().fit(given)
    scaled = model.transform(given)
    scaled += 1  # is the caller's
    before = scaled.copy()
    model.inverse_transform(scaled)
    np.testing.assert_array_equal(scaled, before)
    np.testing.assert_array_equal(given, X.reshape(shape))


# Weights


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
    weights = rng.random(30)
    weighted = SequenceStandardScaler(per="timestep").fit(X, sample_weight=weights)
    np.testing.assert_allclose(weighted.mean_, np.average(X, axis=0, weights=weights))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weights_of_one_are_none(dtype):
    given = X.astype(dtype)
    weighted = SequenceStandardScaler().fit(given, sample_weight=np.ones(30))
    plain = SequenceStandardScaler().fit(given)
    np.testing.assert_allclose(weighted.mean_, plain.mean_)
    np.testing.assert_allclose(weighted.scale_, plain.scale_)


def test_routed_weights():
    weights = rng.random(30)
    with config_context(enable_metadata_routing=True):
        scaler = SequenceStandardScaler().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(scaler, quick().set_fit_request(sample_weight=False))
        pipeline.fit(ragged, y, sample_weight=weights)
    expected = SequenceStandardScaler().fit(ragged, sample_weight=weights)
    assert_same(learned(pipeline[0]), learned(expected))


# Parts


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
    weights = rng.random(30)
    whole = SequenceStandardScaler().fit(ragged, sample_weight=weights)
    parts = SequenceStandardScaler().partial_fit(ragged[:9], sample_weight=weights[:9])
    parts.partial_fit(padded(ragged[9:]), sample_weight=weights[9:])
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
    weights = rng.random(30)
    expected = SequenceStandardScaler().fit(X, sample_weight=weights)
    scaled = expected.transform(X)
    for module in ("_statistics", "preprocessing._scalers"):
        monkeypatch.setattr(f"skfastgrnn.{module}.CHUNK", 7)
    model = SequenceStandardScaler().fit(X, sample_weight=weights)
    assert_learned_like(model, expected)
    np.testing.assert_array_equal(expected.transform(X), scaled)


@pytest.mark.parametrize("scaler", [SequenceStandardScaler, SequenceMinMaxScaler])
def test_fit_begins_anew(scaler):
    model = scaler().partial_fit([sequence * 100 for sequence in ragged]).fit(ragged)
    assert_same(learned(model), learned(scaler().fit(ragged)))
    again = scaler().fit(X.reshape(30, 18)).fit(ragged)
    assert_same(learned(again), learned(model))


def test_the_same_scalers_learn_in_parts_as_in_scikit_learn():
    for ours, theirs in SCALERS.items():
        assert hasattr(ours, "partial_fit") == hasattr(theirs, "partial_fit")


def test_parameters_changed_after_fit_wait_for_the_next():
    model = SequenceStandardScaler(per="timestep", n_timesteps=6).fit(X)
    expected = model.transform(X)
    model.set_params(per="channel", with_mean=False, n_timesteps=4)
    np.testing.assert_array_equal(model.transform(X), expected)
    assert model.mean_.shape == (6, 3)
    model.partial_fit(X)
    assert model.mean_.shape == (6, 3)
    assert model.fit(X).mean_.shape == (3,)


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


# Bad input

with_infinity = X.copy()
with_infinity[7, 2, 1] = -np.inf
# name: (what fit is given beside X, parameters, what the error must say)
REFUSED_BY_FIT = {
    "all NaN": ([*ragged[:3], np.full((2, 3), np.nan)], {}, "sample 3 holds nothing else"),
    "all NaN, 3-D": (np.where(np.arange(30)[:, None, None] == 4, np.nan, X), {}, "sample 4 holds"),
    "infinity": ([*ragged[:4], [[1, 2, 3], [1, np.inf, 3]]], {}, "sample 4, step 1, channel 1"),
    "different channels": ([*ragged[:2], np.ones((3, 2))], {}, r"sample 2 has 2 channel\(s\)"),
    "empty": ([*ragged[:2], np.ones((0, 3))], {}, "Sample 2 is empty"),
    "columns": (X.reshape(30, 18), {"n_timesteps": 5}, "18 columns.*n_timesteps=5"),
    "ragged per timestep": (
        [X[0], X[1], X[2, :4]],
        {"per": "timestep"},
        "Sample 2 has 4 steps, but with per='timestep' .* each of 6 steps.*per='channel'",
    ),
    "padded per timestep": (padded([X[0], X[1, :5]]), {"per": "timestep"}, "Sample 1 has 5 steps"),
    "per": (X, {"per": "step"}, "The 'per' parameter"),
    "n_timesteps": (X, {"n_timesteps": 0}, "The 'n_timesteps' parameter"),
}


@pytest.mark.parametrize("case", REFUSED_BY_FIT)
@each_scaler
def test_refused_by_fit(scaler, case):
    given, parameters, message = REFUSED_BY_FIT[case]
    model = scaler(**parameters)
    before = snapshot(model)
    with pytest.raises(ValueError, match=message):
        model.fit(given)
    assert snapshot(model) == before
    model = scaler().fit(X).set_params(**parameters)
    before = snapshot(model)
    with pytest.raises(ValueError, match=message):
        model.fit(given)
    assert snapshot(model) == before


@pytest.mark.parametrize(
    ("scaler", "parameters", "message"),
    [
        (SequenceMinMaxScaler, {"feature_range": (1, 1)}, "Minimum of desired feature range"),
        (SequenceMinMaxScaler, {"feature_range": [0, 1]}, "'feature_range' parameter"),
        (SequenceMinMaxScaler, {"clip": 1}, "'clip' parameter"),
        (SequenceRobustScaler, {"quantile_range": (75.0, 25.0)}, "Invalid quantile range"),
        (SequenceRobustScaler, {"quantile_range": 25.0}, "'quantile_range' parameter"),
        (SequenceStandardScaler, {"with_mean": "yes"}, "'with_mean' parameter"),
    ],
)
def test_refused_parameters(scaler, parameters, message):
    model = scaler().fit(X.reshape(30, 18)).set_params(**parameters)
    before = snapshot(model)
    with pytest.raises(ValueError, match=message):
        model.fit(X)
    assert snapshot(model) == before


OTHERS = {
    "other channels": (X[:, :, :2], "X has 2 channels, but .* is expecting 3 channels"),
    "other channels in a list": ([X[0, :, :1]], "X has 1 channels"),
    "rows": (X.reshape(30, 18), "X has 2 dimensions"),
    "all NaN": ([X[0], np.full((6, 3), np.nan)], "sample 1 holds nothing else"),
    "infinity": (with_infinity, "sample 7, step 2, channel 1"),
}


@pytest.mark.parametrize("method", ["transform", "inverse_transform", "partial_fit"])
@pytest.mark.parametrize("per", ["channel", "timestep"])
@pytest.mark.parametrize("case", OTHERS)
@each_scaler
def test_other_x_than_fitted(scaler, case, per, method):
    given, message = OTHERS[case]
    model = scaler(per=per).fit(X)
    if not hasattr(model, method):
        return
    before = snapshot(model)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(given)
    assert snapshot(model) == before


@pytest.mark.parametrize("method", ["transform", "inverse_transform", "partial_fit"])
@each_scaler
def test_other_length_than_fitted(scaler, method):
    model = scaler(per="timestep").fit(X)
    if not hasattr(model, method):
        return
    before = snapshot(model)
    for given, sample, length in [
        (X[:, :5], 0, 5),
        ([X[0], X[1, :1]], 1, 1),
        (padded([X[0], X[1], X[2, :4]]), 2, 4),
        ([X[0], np.concatenate([X[1], X[1]])], 1, 12),
    ]:
        with pytest.raises(ValueError, match=f"Sample {sample} has {length} steps.* 6 steps"):
            getattr(model, method)(given)
    assert snapshot(model) == before


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (-np.ones(30), "Negative values"),
        (np.zeros(30), "at least one non-zero"),
        (np.ones(29), r"sample_weight.shape == \(29,\)"),
        (np.full(30, np.nan), "contains NaN"),
        (np.ones((30, 6)), "Sample weights must be 1D"),
    ],
)
def test_refused_weights(weights, message):
    model = SequenceStandardScaler().fit(ragged)
    before = snapshot(model)
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=message):
            fit(X, sample_weight=weights)
        assert snapshot(model) == before
    model = clone(model)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, sample_weight=weights)
    assert vars(model) == vars(clone(model))


@each_scaler
def test_not_fitted(scaler):
    for method in ("transform", "inverse_transform"):
        with pytest.raises(NotFittedError):
            getattr(scaler(), method)(X)
    with pytest.raises(NotFittedError):
        scaler().get_feature_names_out()
    for name in STATISTICS[scaler]:
        assert not hasattr(scaler(), name)


# Containers


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("per", ["channel", "timestep"])
@each_scaler
def test_data_frames(scaler, per):
    pd = pytest.importorskip("pandas")
    names = [f"c{i}" for i in range(18)]
    table = pd.DataFrame(X.reshape(30, 18), columns=names, index=np.arange(30)[::-1])
    plain = scaler(per=per, n_timesteps=6).fit(X.reshape(30, 18))
    expected = plain.transform(X.reshape(30, 18))
    model = scaler(per=per, n_timesteps=6).fit(table)
    assert list(model.feature_names_in_) == names == list(model.get_feature_names_out())
    np.testing.assert_array_equal(model.transform(table), expected)
    # Like scikit-learn's, inverse_transform does not ask for names.
    np.testing.assert_allclose(model.inverse_transform(model.transform(table)), table)
    scaled = model.set_output(transform="pandas").transform(table)
    pd.testing.assert_frame_equal(
        scaled, pd.DataFrame(expected, columns=names, index=np.arange(30)[::-1])
    )
    np.testing.assert_allclose(model.inverse_transform(scaled), table)
    np.testing.assert_allclose(plain.inverse_transform(scaled), table)
    assert list(plain.get_feature_names_out()) == [f"x{i}" for i in range(18)]


@each_scaler
def test_sequences_stay_arrays(scaler):
    pytest.importorskip("pandas")
    expected = scaler().fit_transform(ragged)
    with config_context(transform_output="pandas"):
        for form in FORMS.values():
            model = scaler()
            for scaled in (model.fit_transform(form(ragged)), model.transform(form(ragged))):
                np.testing.assert_array_equal(unpadded(scaled), unpadded(expected), strict=True)
            n_channels = ragged[0].shape[1]
            assert list(model.get_feature_names_out()) == [f"x{i}" for i in range(n_channels)]
    model = scaler().set_output(transform="pandas")
    assert type(model.fit_transform(ragged)) is list
    assert type(model.set_output(transform="pandas").transform(X)) is np.ndarray


def test_set_output_of_a_pipeline():
    pytest.importorskip("pandas")
    pipeline = make_pipeline(SequenceStandardScaler(), quick()).fit(X, y)
    expected = bits(pipeline[-1])
    for _ in range(2):  # before and after fit
        pipeline.set_output(transform="pandas")
        assert bits(pipeline.fit(X, y)[-1]) == expected
    rows = pipeline.fit(X.reshape(30, 18), y)
    assert list(rows[-1].feature_names_in_) == [f"x{i}" for i in range(18)]
    assert type(clone(pipeline)[0].fit_transform(X.reshape(30, 18))).__name__ == "DataFrame"
    pipeline[0].set_output(transform=None)
    assert type(pipeline[0].transform(X.reshape(30, 18))).__name__ == "DataFrame"


# In scikit-learn's tools


@pytest.mark.parametrize("form", FORMS)
@each_scaler
def test_pipeline(scaler, form):
    given = FORMS[form](ragged)
    model = make_pipeline(scaler(), quick()).fit(given, y)
    alone = quick().fit(scaler().fit_transform(ragged), y)
    assert bits(model[-1]) == bits(alone)
    np.testing.assert_array_equal(
        model.predict_proba(given), alone.predict_proba(scaler().fit_transform(ragged))
    )


@pytest.mark.parametrize(
    ("members", "form", "parameters"),
    [
        (ragged, list, {}),
        (ragged, padded, {}),
        (list(X), np.array, {"per": "timestep"}),
        (list(X), lambda members: np.reshape(members, (-1, 18)), {"n_timesteps": 6}),
    ],
    ids=["list", "padded", "3-D per timestep", "2-D"],
)
@each_scaler
def test_validation_folds_are_not_seen(scaler, members, form, parameters):
    """Each fold's statistics are to the bit those of its training part, however the rest is."""
    for train, test in KFold(3, shuffle=True, random_state=0).split(members):
        extreme = [
            member * 1e6 + 1e9 if i in test else member.copy() for i, member in enumerate(members)
        ]
        result = cross_validate(
            make_pipeline(scaler(**parameters), quick(max_iter=1, n_timesteps=6)),
            form(extreme),
            y,
            cv=[(train, test)],
            return_estimator=True,
            error_score="raise",
        )
        (fitted,) = result["estimator"]
        alone = scaler(**parameters).fit(form([members[i] for i in train]))
        assert_same(learned(fitted[0]), learned(alone))


@pytest.mark.parametrize("form", FORMS)
def test_grid_search_with_memory_and_jobs(form, tmp_path):
    members, labels = sequences(24)
    given = FORMS[form]([members[i, : 3 + i % 4] for i in range(24)])
    grid = {
        "scaler": [SequenceStandardScaler(), SequenceMinMaxScaler(), SequenceRobustScaler()],
        "net__hidden_size": [2, 3],
    }

    def search(memory=None, n_jobs=None):
        pipeline = Pipeline([("scaler", None), ("net", quick(max_iter=3))], memory=memory)
        return GridSearchCV(
            pipeline, grid, cv=StratifiedKFold(2), n_jobs=n_jobs, error_score="raise"
        ).fit(given, labels)

    plain, remembered = search(), search(str(tmp_path), 2)
    for name in ("mean_test_score", "split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(plain.cv_results_[name], remembered.cv_results_[name])
    assert bits(plain.best_estimator_[-1]) == bits(remembered.best_estimator_[-1])
    assert any(tmp_path.rglob("output.pkl"))
    np.testing.assert_array_equal(plain.predict_proba(given), remembered.predict_proba(given))


def test_grid_search_over_per(tmp_path):
    grid = {"scaler__per": ["channel", "timestep"]}
    pipeline = Pipeline(
        [("scaler", SequenceStandardScaler()), ("net", quick(max_iter=3))], memory=str(tmp_path)
    )
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2, error_score="raise").fit(X, y)
    assert search.best_estimator_[0].mean_.shape in {(3,), (6, 3)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("constant", [0.0, 3.0, 1e-30])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SequenceStandardScaler, StandardScaler),
        (SequenceMinMaxScaler, MinMaxScaler),
        (SequenceRobustScaler, RobustScaler),
    ],
)
def test_a_channel_that_was_constant_may_vary_later(ours, theirs, constant, dtype):
    """The edge of images, which is black in a few of them."""
    still, later = np.full((4, 5, 1), constant, dtype), np.full((2, 3, 1), 255.0, dtype)
    scaler = ours().fit(still)
    expected = theirs().fit(still.reshape(-1, 1)).transform(later.reshape(-1, 1))
    np.testing.assert_allclose(scaler.transform(later).ravel(), expected.ravel(), rtol=1e-6)
    back = scaler.inverse_transform(scaler.transform(later))
    np.testing.assert_allclose(back, later, rtol=1e-6)
