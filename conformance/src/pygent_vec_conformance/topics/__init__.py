"""The topics of the contract, one module each."""
