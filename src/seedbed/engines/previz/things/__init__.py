"""Things by people's hands: what travels (`craft`) and what stands (`buildings`)."""
