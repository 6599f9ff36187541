"""
Forecasting: a room with a thermostat
=====================================

A :class:`~skfastgrnn.FastGRNNRegressor` predicts the temperature of a room in the next two hours
from the readings of the last six. It is tested as it would be used, on days after all those that it
was trained on, and compared with simple forecasts: the mean, the same time a week ago, and a linear
regression on the same readings.
"""

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skfastgrnn import FastGRNNRegressor
from skfastgrnn.preprocessing import SequenceStandardScaler, sliding_windows

try:
    import matplotlib.pyplot as plt
except ImportError:  # then without pictures
    plt = None

# %%
# The series
# ----------
# Six weeks of autumn, a reading every quarter of an hour. Outside it gets colder from week to week
# (a trend), and warmer and colder again every day (a season). Inside, a thermostat turns the
# heating on half a degree below its set point and off half a degree above; the set point is higher
# by day, and on weekends it rises later (two more seasons). Sensors are noisy.

HOUR, DAY, WEEK = 4, 96, 672  # steps
N_STEPS = 6 * WEEK

rng = np.random.default_rng(0)
step = np.arange(N_STEPS)
hour = step % DAY / HOUR
is_weekend = step // DAY % 7 >= 5
is_day = (hour >= np.where(is_weekend, 9, 6)) & (hour < 22)
set_point = np.where(is_day, 20.5, 17.0)

weather = np.zeros(N_STEPS)
for t in range(1, N_STEPS):
    weather[t] = 0.99 * weather[t - 1] + rng.normal(0, 0.25)
outside = 10 - 8 * step / N_STEPS + 4 * np.sin(2 * np.pi * (hour - 9) / 24) + weather

room, temperature, is_heating = np.empty(N_STEPS), 19.0, False
for t in range(N_STEPS):
    if abs(temperature - set_point[t]) > 0.5:
        is_heating = temperature < set_point[t]
    loss = (temperature - outside[t]) / 60
    temperature += 0.6 * is_heating - loss + rng.normal(0, 0.02)
    room[t] = temperature + rng.normal(0, 0.05)

if plt is not None:
    figure, panel = plt.subplots(figsize=(9, 3), layout="constrained")
    days = step[-WEEK:] / DAY
    panel.plot(days, room[-WEEK:], label="room")
    panel.plot(days, outside[-WEEK:], label="outside")
    panel.set(xlabel="day", ylabel="temperature (°C)", title="The last week", xlim=(35, 42))
    panel.legend(loc="center left", bbox_to_anchor=(1, 0.5))

# %%
# Windows
# -------
# A window holds 24 steps of 5 channels: both temperatures, the time of day, and whether it is a
# weekend. Its targets are the 8 temperatures of the room that follow. Windows are views of the
# series, which is not copied.

WINDOW, HORIZON = 6 * HOUR, 2 * HOUR

angle = 2 * np.pi * hour / 24
series = np.column_stack([room, outside, np.sin(angle), np.cos(angle), is_weekend])
X, y, index = sliding_windows(series, room, window=WINDOW, horizon=HORIZON)
print(f"{N_STEPS} steps give {len(X)} windows of {X.shape[1]} steps and {X.shape[2]} channels,")
print(f"each with {y.shape[1]} values to forecast.")

# %%
# Two models and four baselines
# -----------------------------
# Ridge regression reads the same numbers as a row, scaled, and chooses its penalty by leave-one-out
# validation. The network has its defaults except for size and early stopping: it holds out the last
# of its training windows, since it will be tested on later ones, and trains on the others in
# shuffled order. It scales targets internally.


def new_models():
    """Unfitted models by name."""
    ridge = make_pipeline(
        FunctionTransformer(lambda X: X.reshape(len(X), -1)),
        StandardScaler(),
        RidgeCV(np.logspace(-3, 5, 17)),
    )
    network = make_pipeline(
        SequenceStandardScaler(),
        FastGRNNRegressor(
            hidden_size=24, early_stopping=True, validation_split="tail", random_state=0
        ),
    )
    return {"Ridge": ridge, "FastGRNN": network}


def baselines(y, train, test):
    """Baselines by name. Windows are a step apart, so those of a day ago are DAY earlier."""
    last = y[test - 1, :1]  # the first target of the window before
    return {
        "mean of training": np.full_like(y[test], y[train].mean()),
        "as it is now": np.repeat(last, HORIZON, axis=1),
        "as a day ago": y[test - DAY],
        "as a week ago": y[test - WEEK],
    }


# %%
# Walk-forward validation
# -----------------------
# Each of four folds trains on all windows up to some day and tests on the three days that follow. A
# target reaches 8 steps ahead of its window; the gap of 7 windows excludes training targets that
# would not be known yet.

splitter = TimeSeriesSplit(n_splits=4, test_size=3 * DAY, gap=HORIZON - 1)


def walk_forward(y):
    """Forecasts by name, (n_tested, HORIZON), and the windows that were tested."""
    folds, tested = [], []
    for train, test in splitter.split(X):
        answers = baselines(y, train, test)
        for name, model in new_models().items():
            answers[name] = model.fit(X[train], y[train]).predict(X[test])
        folds.append(answers)
        tested.append(test)
    forecasts = {name: np.concatenate([fold[name] for fold in folds]) for name in folds[0]}
    return forecasts, np.concatenate(tested)


def print_errors(y, forecasts):
    """Root mean squared errors by how far ahead the forecast is."""
    print()
    print("                      15 min    30 min       1 h       2 h")
    for name, forecast in forecasts.items():
        errors = root_mean_squared_error(y, forecast, multioutput="raw_values")
        print(f"  {name:<16}" + "".join(f"{errors[k]:>10.2f}" for k in (0, 1, 3, 7)))


forecasts, tested = walk_forward(y)
print()
print(f"Errors (°C) of the forecasts for the room, {len(tested)} windows of the last twelve days:")
print_errors(y[tested], forecasts)

# %%
# A thermostat is a threshold with a memory: whether the room is about to get warmer or colder
# depends on whether it was last too cold or too warm. No weighted sum of readings predicts when
# that changes; the network can learn it. The plot shows twelve forecasts on one day, one every two
# hours, each for two hours:

if plt is not None:
    figure, panel = plt.subplots(figsize=(9, 3.5), layout="constrained")
    shown = tested[-DAY::HORIZON]
    first, last = index[shown[0]], index[shown[-1]] + HORIZON
    time = (np.arange(first, last + 1) - first) / HOUR
    panel.plot(time, room[first : last + 1], ".-", color="0.6", label="measured")
    for name, color in [("Ridge", "tab:orange"), ("FastGRNN", "tab:blue")]:
        for window, values in zip(shown, forecasts[name][-DAY::HORIZON], strict=True):
            ahead = (index[window] - first + np.arange(HORIZON + 1)) / HOUR
            start = room[index[window]]
            label = name if window == shown[0] else None
            panel.plot(ahead, np.append(start, values), color=color, label=label)
    panel.set(xlabel="hours", ylabel="temperature (°C)", xticks=range(0, 25, 2), xlim=(0, 24))
    panel.grid(axis="x", alpha=0.5)
    panel.legend(loc="center left", bbox_to_anchor=(1, 0.5))

# %%
# Where linear regression is enough
# ---------------------------------
# The temperature outside does not depend on a threshold. Its next values are a sum of seasons and
# of the last measurements, so the network can at best be as good as Ridge.

_, y, _ = sliding_windows(series, outside, window=WINDOW, horizon=HORIZON)
forecasts, tested = walk_forward(y)
print()
print("The same for the temperature outside:")
print_errors(y[tested], forecasts)

if plt is not None:
    plt.show()
