"""The services of the Inference Subnet Template, each with its own HTTP API.

They are driven by the template's orchestrator, or by any that calls them as it does.
"""
