"""The Open Inference Protocol, version 2, over REST (JSON and binary tensors) and gRPC: other words for endpoints.

A request of shape [B, ...] is B examples, which go through the endpoint as B requests that arrived together. From
request to answer: body or message, rows, joined, codec. gRPC is imported only where a port is given.
"""
