"""What measures. Every figure is a ratio against a floor or a peer in the same run: machines are noisy."""
