"""What a device keeps of a sequence: the members of the struct of C that is the state.

Both the exported C and the reported bytes are made of them.
"""

from typing import NamedTuple

from ._tensors import by_kind

#: Bytes of the types of C that members have.
BYTES_OF_TYPE = {"int64_t": 8, "int32_t": 4, "uint32_t": 4, "float": 4, "int16_t": 2}


class StateMember(NamedTuple):
    """A member of the struct: its type in C, its name, and its length if it is an array."""

    c_type: str
    name: str
    length: int | None = None

    @property
    def declared(self):
        """Its declaration."""
        size = "" if self.length is None else f"[{self.length}]"
        return f"{self.c_type} {self.name}{size}"

    @property
    def n_bytes(self):
        """Bytes of its numbers."""
        return BYTES_OF_TYPE[self.c_type] * (self.length or 1)


def bytes_of_state(members):
    """The size of the struct where numbers lie at multiples of their size, the largest first.

    On 32-bit processors and on hosts; an AVR has no bytes at the end that fill it up.
    """
    largest = max(BYTES_OF_TYPE[member.c_type] for member in members)
    n_bytes = sum(member.n_bytes for member in members)
    return -(-n_bytes // largest) * largest


def state_members(network):
    """Members of the state of a `Network` that is stored in floats; with `bits`, in integers."""
    found = by_kind(network)
    low, low_h = (
        max((t.shape[0] for (kind, _), t in found.items() if kind == factor), default=0)
        for factor in ("W2", "U2")
    )
    sizes = network.hidden_size, network.n_layers, network.pooling
    if network.bits is not None:
        return integer_members(*sizes, low=low, low_h=low_h, is_full=network.rank_u is None)
    return float_members(*sizes, low=max(low, low_h))


def integer_members(hidden_size, n_layers, pooling, *, low, low_h, is_full):
    """Members in integers, the largest numbers first.

    low, low_h : largest ranks of W and of U; 0 without
    is_full : whether a layer has the whole U
    """
    members = []
    if pooling in {"mean", "attention"}:
        members.append(StateMember("int64_t", "sum", hidden_size))
    if pooling == "attention":
        members += [StateMember("int64_t", "weight"), StateMember("int32_t", "reference")]
    if pooling == "mean":
        members.append(StateMember("uint32_t", "n_steps"))
    lengths = {
        "h": hidden_size * n_layers,
        "next": hidden_size * is_full,
        "low": low,
        "low_h": low_h,
        "summary": hidden_size * (pooling != "last"),
    }
    return members + [StateMember("int16_t", name, n) for name, n in lengths.items() if n]


def float_members(hidden_size, n_layers, pooling, *, low):
    """Members in single precision.

    low : largest rank of W and U; 0 without
    """
    sums = hidden_size * (pooling in {"mean", "attention"})
    lengths = {
        "h": hidden_size * n_layers,
        "pre": hidden_size,
        "low": low,
        "sum": sums,
        "lost": sums,
        "most": hidden_size * (pooling == "max"),
    }
    members = [StateMember("float", name, n) for name, n in lengths.items() if n]
    if pooling == "mean":
        members.append(StateMember("uint32_t", "n_steps"))
    if pooling == "attention":
        members += [StateMember("float", "reference"), StateMember("float", "weight", 2)]
    return members
