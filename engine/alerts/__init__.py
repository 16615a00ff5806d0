"""What needs a person reaches one who is not looking: by a command of the operator's, or by a webhook."""
