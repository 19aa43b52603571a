"""Several processes that train one model: each writes down a few numbers on schedule, the first compares them.

No collective is ever called. The processes leave their rows in the store that they met through, each over a
connection of its own and from a thread of its own, and nobody waits for anybody: a process that has gone, or a store
that does not answer, costs a comparison and never the training.
"""
