"""Small systems that show the whole idea, one module each: `chainrule examples NAME`.

A module here is an example if it does not begin with an underscore. It has

    TITLE                          one line for the list
    run(console, out_folder)       prints to a rich `Console` and leaves its figures in a `Path`,
                                   or, where that is None, draws none

Everything that it prints comes from a function of the module, for others to call. `_page` prints
and `_drawing` draws networks.
"""
