"""The node agents, asked for their facts: who they are is proven by TLS where the settings say so."""
