"""What the Loosh network's validator 1.2.8 computes. Every number in these modules is its own, unless the line
beside it says otherwise."""
