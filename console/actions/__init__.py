"""What an operator can do, and the actions on the chain, which the screens and the command line share."""
