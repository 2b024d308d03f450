"""`python docs/commands.py` writes docs/commands.md from the command tree and the English catalogue; a test compares them."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import discord

from bot.app import add_commands
from bot.client import Tree
from bot.commands.help import commands_of, needed_for
from bot.texts import ENGLISH, language
from bot.ui import AnyCommand, described, options_of

PAGE = Path(__file__).with_name("commands.md")
ROOT = PAGE.parent.parent
HEAD = """# Commands

`python docs/commands.py` writes this page; `/help` shows the same in Discord.
Every refusal is one private sentence and costs nothing.
Jobs that fail are refunded.
A job that you cancel is free before it starts, and so are the first three of a day that you cancel later (`free_cancels_a_day`).
Any other costs what was drawn until then, and the card says how much.
Inline parameters work in every prompt: `a fox --ar 3:2 --seed 7 --no text --steps 20 --cfg 5 --lora pixel:0.8`.
So do `--preset golden` and `--style ink`.
[prompts.md](prompts.md) explains weights, `(red:1.3) apple`, parts and long prompts.
Braces with a comma are choices: `a {red, blue} fox` makes two orders, each with its own parameters; `\\{` is a brace.
`--repeat 3` (`--r 3`) orders the same three times, with other seeds.
The bot counts the orders and asks first: at most 20, each with its own limits and its own reading by the filter.
Neither works with a file, nor in the remix form.
A style belongs to the server: its members draw with it, its owner edits it, and a job keeps the version that it was drawn with.
With the option `image`, the pictures start from one of yours: [prompts.md](prompts.md#pictures).
A refused prompt comes back with a button, Edit: a form holds the text and the options; after a remix, it is the remix form.
"""
BUTTONS = """
## Buttons under pictures

| button | effect |
| -- | -- |
| U1–U4 | sends that picture alone, enlarged by Real-ESRGAN, as a PNG with its parameters inside |
| V1–V4 | draws four variations of that picture (image to image) |
| ✏️ Remix | opens a form with the picture's prompt: edit it, say how much may change, and the bot draws it again from there |
| Vary subtle, Vary strong | four variations that stay nearer to the picture than V, and that go further from it |
| Vary region | shows nine numbered cells; a form asks which are drawn anew, and how. *Draw the region* is a page to paint on |
| Upscale 2×, 4× | enlarges the picture, also an enlarged one, up to 2048 px |
| Upscale creative | enlarges the picture 2×, and draws its details anew, part by part |
| Zoom out 1.5×, 2× | shrinks the picture into the frame and draws what is around it |
| ⬅️ ➡️ ⬆️ ⬇️ | slides the picture by a half and draws what is beside it |
| Make square | draws what a wide or high picture lacks of a square |
| 🔄 | draws the same prompt again with another seed |
| 📨 Send to my DMs | sends your pictures to your direct messages |
| 🔔 Ping me | on a waiting or running card: mentions you when the job ends; `/settings` makes it the default |
| 🗑️ | deletes the pictures at a second press within 10 s (your own; moderators may delete those of others) |

![V2: four variations of the second picture](images/v.webp)

![U1: the first picture alone, with all its buttons](images/u.webp)

![Zoom out 2×](images/zoom-out.webp)

![➡️: the picture is moved, and the rest drawn](images/pan.webp)

![Vary region: the cells to choose from](images/vary-region.webp)

![Vary subtle](images/vary-subtle.webp)

![Vary strong](images/vary-strong.webp)

The buttons from Vary subtle to Make square are below single pictures: after U, or with `images: 1`.
Zoom, arrows, square and region start from the picture in the model's own size, and keep its pixels.
The bundled model draws objects on plain grounds: it continues the ground, and draws one picture instead of four.
For the same reason it has no Upscale creative: it would draw an object into every part.
What a model can't do has no button.

![The remix form over the grid that it starts from](images/remix.png)

[moderation.md](moderation.md) explains the moderators' commands in five minutes.

![The moderators' log](images/log.png)
"""


def page() -> str:
    tree = Tree(cast(Any, discord.Client(intents=discord.Intents.none())))
    add_commands(tree)
    commands = list(commands_of(tree))
    members = [each for each in commands if not needed_for(each).value]
    moderators = [each for each in commands if needed_for(each).manage_messages]
    managers = [each for each in commands if needed_for(each).manage_guild]
    menus = [each.name for each in tree.walk_commands(type=discord.AppCommandType.message)]
    return "".join(
        (
            HEAD,
            table("For members", members),
            f"\nIn the menu of a message (Apps): {', '.join(menus)}.\n",
            in_use(members),
            table("For moderators (Manage Messages)", moderators),
            table("For managers (Manage Server)", managers),
            BUTTONS,
        )
    )


def table(title: str, commands: Iterable[AnyCommand]) -> str:
    say = language(ENGLISH)
    lines = [f"\n## {title}\n", "| command | effect | options |", "| -- | -- | -- |"]
    for each in commands:
        options = "; ".join(f"`{name}`: {does}" for name, does in options_of(say, each))
        lines.append(f"| `/{each.qualified_name}` | {described(say, each)} | {options} |")
    return "\n".join(lines) + "\n"


def in_use(commands: Iterable[AnyCommand]) -> str:
    """Shows the commands of which there are pictures."""
    say, lines = language(ENGLISH), ["\n## In use\n"]
    for each in commands:
        if shown := say.picture(each.qualified_name.replace(" ", "-")):
            alt = say("help-picture", name=each.qualified_name)
            lines.append(f"![{alt}](../{shown.relative_to(ROOT).as_posix()})\n")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.exit(0)
