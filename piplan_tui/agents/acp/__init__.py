"""Any agent that speaks the Agent Client Protocol (ACP) over its stdin and stdout: see `agent.AcpAgent`.

Nothing is imported here, so that `known` can be read without loading the protocol's library.
"""
