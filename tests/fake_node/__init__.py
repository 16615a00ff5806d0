"""A scripted node: mainnet's metadata, and the embedded chain's rules, behind JSON-RPC over a websocket.

It is where our tests of the real chain end: what it does not do, they do not show. Its storage and its events are
encoded by the metadata's own types, and its extrinsics are taken apart and their signatures checked here, byte by byte,
so that nothing is agreed on with the client. It takes no fees, and has one subnet with one mechanism.
"""
