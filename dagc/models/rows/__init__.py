"""The batch-safety proof: where the rows of a batch lie in every value of a model, operator by operator."""
