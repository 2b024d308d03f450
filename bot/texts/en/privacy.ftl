# A member's data: its export and its deletion.

privacy-orders = { $orders ->
    [one] { $orders } order
   *[other] { $orders } orders
}
privacy-pictures = { $pictures ->
    [one] { $pictures } picture
   *[other] { $pictures } pictures
}
privacy-until = { $until ->
    [none] until it is lifted
   *[other] until { MOMENT($until) }
}

command-privacy = The data that I keep about you
command-privacy-export = Get the data that I keep about you, as a file that only you see
command-privacy-delete = Delete the data that I keep about you; first I show what stays, and ask

privacy-export = The data that I keep about you, in every server: `data.json` { $left ->
    [0] and { privacy-pictures }.
   *[other] and your newest { privacy-pictures }. { $left } more don't fit into the { SIZE($limit) } that Discord takes here; `data.json` lists them, and `/history` shows them.
}
    -# Left out: how the filter decides, and other people's words and names.

## Before

privacy-question =
    ### Delete the data that I keep about you, in every server
    - { privacy-orders } and { privacy-pictures }, and the messages that show them
    - your presets, styles and defaults, your prompts in the moderators' log, your reports, and cases about you that are over, with their cards
privacy-in-line = - { privacy-orders } in the queue: cancelled and refunded
privacy-copy-first =
    That can't be undone. `/privacy export` gives you a copy first.
    { "**" }What stays, and for how long**
privacy-asked-before = -# You asked for this before. The part that is named above is still left.
privacy-delete = Delete my data

## After

privacy-deleting = ### Your data is being deleted
privacy-cancelled = { privacy-orders } cancelled and refunded.
privacy-going = Your pictures are deleted now, and the messages that show them as fast as Discord lets me. **What stays**

## What stays, before and after

privacy-stays-strike = - a strike { privacy-until }: the decision, its reason and its end, without your prompt
privacy-stays-block = - a block or ban { privacy-until }, and its reason
privacy-stays-cases = { $cases ->
    [one] - { $cases } open case about you: until the moderators have decided
   *[other] - { $cases } open cases about you: until the moderators have decided
}
privacy-stays-acts = { $days ->
    [one] - your acts as a moderator, with your name: { $days } day from each act
   *[other] - your acts as a moderator, with your name: { $days } days from each act
}
privacy-stays =
    - your charges of the last 24 hours, without your prompts: until they are 24 hours old
    - your refused prompts of the last 24 hours, and your reports of the last hour: until they are that old
    - that a prompt was refused, without the prompt: for 90 days
    - pictures that others made from yours: they belong to them
    - the moderators' cards of refused prompts, which I can't find again, and copies that this bot's owner made
