"""Data sets as people have them: folders, tables, arrays, texts, PyTorch data sets, read a block at a time."""
