"""Small systems that show the whole idea, one module each: `chainrule examples NAME`.

A module here is an example if it does not begin with an underscore. It has

    TITLE                          one line for the list
    run(console, out_folder)       prints to a rich `Console` and leaves its figures in a `Path`,
                                   or, where that is None, draws none

Everything that it prints comes from a function of the module, for others to call. `_page` prints
and `_drawing` draws networks.
"""

ORDER = (
    "neuron",
    "perceptron",
    "chain_1_1_1",
    "forward_2_2_1",
    "cross_entropy_2_2_1",
    "mazur_2_2_2",
    "xor_2_4_1",
    "xor_fifty_starts",
)
"""The simplest first: each builds on those before it. The list shows any others behind them."""
