"""The adapters: one file or folder a provider, with its options beside it; ``registry`` finds them lazily."""
