"""Model servers without a cluster: metrics pages by address, as services and replicas."""
