"""`python -m generation.worker`: started by the bot, speaks frames; see generation/protocol.py."""

from generation.worker.process import main

if __name__ == "__main__":
    main()
