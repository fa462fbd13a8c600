"""Importing candles and funding rates from other people's files: sniffed, planned, stored as batches, undone.

    content    bytes: compressed, zipped, which kind, which encoding
    dialect, delimited, tables, json_tables, numbers, times    rows and cells: a `Sheet`
    words, columns, headerless, volumes, opens, prices    which column is what
    pairs, evidence    which market name and columns speak of
    cleaning, grid    order, doubles, impossible rows, steps, local clocks
    whose, taking, folders, plan    a sheet, a folder, everything: one line a file
    importer, batches    written, listed, undone

Refuses whatever may mean two things and says which option decides. Knows nothing of the command line.
"""
