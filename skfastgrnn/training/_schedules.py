"""The learning rate as a function of the epoch, counted from 0."""


def learning_rate_of(name, initial, *, lr_decay, lr_decay_step):
    """A function epoch -> learning rate.

    "constant": initial;  "step": initial · lr_decay^⌊epoch / lr_decay_step⌋.
    """
    if name == "constant":
        return lambda epoch: initial
    return lambda epoch: initial * lr_decay ** (epoch // lr_decay_step)
