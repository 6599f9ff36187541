"""Training and inference speed of skfastgrnn beside its peers, measured in one run.

    workloads      the data: shapes of real tasks, synthetic values
    parameters     the initial FastGRNN weights that every FastGRNN contender starts from
    ours, peer_*   one contender each: how it trains and predicts
    contenders     their list: names, threads, environment
    suite          what is compared with what, and the targets
    worker, pool   each contender in its own pinned process, asked in turn
    environment    processor and library versions
    report         table and JSON
    check          do the peers compute the same gradients, and do all of them learn?
    acceptance     accuracy, memory and time on real data: a command of its own

Run with ``python -m benchmarks``.
"""
