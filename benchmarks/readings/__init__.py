"""How often replies are misread: questions, wordings and replies written before the readers' code was looked at."""
