"""One recorded round."""
