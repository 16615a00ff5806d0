"""The routes of one server, a module a dialect. Each has a class whose `routes()` the application puts together."""
