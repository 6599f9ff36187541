"""What the package promises on real data: runs too heavy for the test suite.

    defaults      accuracy of plain defaults on small data sets
    har           accuracy on the UCI HAR activity windows
    memory        what fitting a memory-mapped array of 2 GB adds
    vowels        accuracy and time on JapaneseVowels, beside PyTorch's packed ``nn.GRU``
    forecasts     errors on Covid3Month and the airline series, beside the obvious baselines
    callbacks     what one call an epoch costs
    continuing    streams and fine-tuning: what going on learning gains
    distillation  small networks with and without teachers, on ten data sets
    routing       which prompts a weak model gets wrong: a student beside its teacher
    quantized     integers beside the float models that they are made of
    integers      compiled integers beside NumPy's, to the bit
    exported      the C of models in integers beside Python, to the bit, by gcc and clang
    devices       models in C on emulated devices: the same integers, cost and sizes
    comparison    the defaults on all data sets, beside PyTorch's ``nn.GRU``: only by name
    choice        how the defaults were chosen, on training parts: only by name
    averages      what ema, n_init and label_smoothing gain, on training parts: only by name
    promises      a value against its limit
    datasets      the data sets by name
    gru           the GRU of the comparison

Run with ``python -m benchmarks.acceptance``. A topic is a module with ``run(data)``, which answers
whether its promises were kept; ``data`` is the folder of the data sets. It is listed in __main__.
"""
