"""`subnet-console chain`: what stands on the chain, and the actions that write to it, from the command line."""
