"""What users pass in: read without a copy where possible, checked, or refused with a reason.

_sequences.py      X: to a SequenceBatch
_input_format.py   its forms: 2-D, 3-D, lists and object arrays, and back
_views.py          sequences read where they lie
_finite.py         padding, gaps and infinity
_feature_names.py  names of channels
_targets.py        y: labels and numbers
_sample_weight.py  weights
_numbers.py        what may be read as numbers
_missing.py        values that stand for a missing one
_errors.py         errors that change nothing and name their argument
_printing.py       values as users wrote them
_dataclasses.py    parameter objects: frozen, validated dataclasses
"""
