"""Validation of user input, without copies where possible.

_sequences.py      X: to a SequenceBatch
_input_format.py   its forms: 2-D, 3-D, lists and object arrays, and back
_views.py          zero-copy views of sequences
_finite.py         padding, gaps and infinity
_feature_names.py  names of channels
_targets.py        y: labels and numbers
_sample_weight.py  weights
_numbers.py        what may be read as numbers
_missing.py        values that stand for a missing one
_errors.py         restoring state on errors; errors that name their argument
_printing.py       plain Python values for messages
_dataclasses.py    parameter objects: frozen, validated dataclasses
"""
