"""Terminal: what both command lines share, options, tables, times, did-you-mean. Decides nothing."""
