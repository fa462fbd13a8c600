"""The LSTM family: sequences, network, training, files."""
