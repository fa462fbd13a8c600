"""What both command lines share: tables that fit the terminal, times, did-you-mean. Text only; decides nothing."""
