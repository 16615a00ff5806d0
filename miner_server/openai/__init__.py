"""OpenAI's API at this miner, for its owner and for gateways: chat completions, embeddings and the list of models."""
