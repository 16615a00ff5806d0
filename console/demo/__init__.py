"""The demo subnet: miners of different honesty whose behaviour a seed fixes."""
