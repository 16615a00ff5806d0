"""The way of users' requests to the miners: each is a round like any other, answered as soon as its mode allows."""
