"""What the package promises on real data: runs too heavy for the test suite.

    har           accuracy on the UCI HAR activity windows
    memory        what fitting a memory-mapped array of 2 GB adds
    vowels        accuracy and time on JapaneseVowels, beside PyTorch's packed ``nn.GRU``
    forecasts     errors on Covid3Month and the airline series, beside the obvious baselines
    callbacks     what one call an epoch costs
    continuing    streams and fine-tuning: what going on learning gains
    distillation  small networks with and without teachers, on eight data sets
    routing       which prompts a weak model gets wrong: a student beside its teacher
    promises      a value against its limit

Run with ``python -m benchmarks.acceptance``. A topic is a module with ``run(data)``, which answers
whether its promises were kept; ``data`` is the folder of the data sets. It is listed in __main__.
"""
