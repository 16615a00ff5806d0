"""What the Loosh network's validator 1.2.8 computes. Every number in these modules is taken from it, unless a comment
says otherwise."""
