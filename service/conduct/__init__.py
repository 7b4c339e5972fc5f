"""How a group is run: what a policy asks beyond the words of one message. Pure; storage keeps what is found."""
