"""`subnet-console chain`: reads the chain, and takes the actions that write to it, from the command line."""
