"""`python -m generation.worker`: the worker process. The bot starts it and talks to it in frames; see generation/protocol.py."""

from generation.worker.process import main

if __name__ == "__main__":
    main()
