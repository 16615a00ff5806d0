"""Epochs of a validator's weights at two fake nodes, under faults and kill -9: `python -m tests.epochs 500`.

The setter, its journal in SQLite, and the client of the real chain run in a process that dies at a step of the
journal, and is started again. The nodes fail in every way that their script knows. Afterwards the chain itself says
whether each window has its weights once, whether one went to a hotkey that had lost its uid, and whether the journal
tells of each submission what the chain did with it. A missed window is excused only if an extrinsic that may have been
sent could still land until the window closed: a second one could then have landed beside it. A window in which an
answer came later than the client waits, with nothing wrong but a machine too busy, is not judged, which is said.

`--timelocked` has the subnet hide its weights: each window then takes a commit, which the chain opens an epoch later.
"""
