"""How fast chainrule is, beside whatever peers are installed: `chainrule bench`.

rows.py        what is measured: networks, their data, first weights, and work
functions.py   ten NumPy functions whose value and gradient are measured
layers.py      convolution, pooling, embedding and LSTM, until the library has its own
peers/         one module for each library, ours among them; each is imported by its worker only
worker.py      a process that holds one peer of one row, and works when it is told to
interleave.py  rounds over the workers of a row, so that all meet the same state of the machine
start.py       from the start of a process to a trained XOR
run.py         which rows with which peers, and the report of them
machine.py     what the machine is
report.py, figure.py   tables and the plot

Nothing here imports a peer, so that our own rows run without any.
"""
